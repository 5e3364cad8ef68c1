import type { ErrorCode } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'
import { checkedEndpoint, EndpointError } from './endpoints.ts'

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** Metadata, registrations and tokens are a few KiB. */
const maxBodyBytes = 1024 * 1024

/**
 * A fetch for what a server's metadata names: only to endpoints that may be asked, no redirect by itself (the SDK follows
 * those within an origin, through here again), the whole body within a time and a size. An answer that refuses without saying
 * so in OAuth's words is an error here, so that no raw body gets into a message.
 * @returns rejects with EndpointError, or with the signal's reason
 */
export function guardedFetch(options: {
  fetch: Fetch
  upstream: URL
  clock: Clock
  timeoutMs: number
  signal: AbortSignal
}): Fetch {
  const { fetch, upstream, clock, timeoutMs, signal } = options
  return async (target, init) => {
    const url = checkedEndpoint(target, upstream)
    signal.throwIfAborted()
    const late = new AbortController()
    const timer = clock.after(timeoutMs, () =>
      late.abort(new EndpointError('CONNECT_TIMEOUT', `${url.origin} did not answer within ${timeoutMs / 1000} s`)),
    )
    const ended = AbortSignal.any([signal, late.signal])
    try {
      const response = await fetch(url, { ...init, redirect: 'manual', credentials: 'omit', signal: ended })
      const body = await wholeBody(response, url)
      if (init?.method === 'POST' && response.status >= 400 && !isOAuthError(body)) {
        const what = `${url.origin}${url.pathname} answered HTTP ${response.status}`
        throw new EndpointError('HTTP_STATUS', what, { status: response.status })
      }
      const headers = new Headers(response.headers)
      headers.delete('content-encoding')
      headers.delete('content-length')
      const { status } = response
      return new Response([204, 205, 304].includes(status) ? null : body, { status, headers })
    } catch (error) {
      if (ended.aborted) throw ended.reason
      throw error instanceof EndpointError ? error : networkError(url, error)
    } finally {
      timer.cancel()
    }
  }
}

async function wholeBody(response: Response, url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader()
  if (!reader) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    bytes += read.value.byteLength
    if (bytes > maxBodyBytes) {
      await reader.cancel()
      throw new EndpointError('LINE_TOO_LONG', `${url.origin} answered with more than ${maxBodyBytes} bytes`)
    }
    chunks.push(read.value)
  }
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}

function isOAuthError(body: Uint8Array): boolean {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body)) as { error?: unknown }
    return typeof error === 'string'
  } catch {
    return false
  }
}

const certificateCode = /^(CERT_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_)/

function networkError(url: URL, error: unknown): EndpointError {
  const at = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const cause = String((at as NodeJS.ErrnoException | undefined)?.code ?? 'connection failed')
  const code: ErrorCode = certificateCode.test(cause) ? 'TLS_FAILED' : 'CONNECT_FAILED'
  const what =
    code === 'TLS_FAILED' ? `the certificate of ${url.origin} is not accepted` : `${url.origin} can't be reached`
  return new EndpointError(code, `${what} (${cause})`, { host: url.hostname, cause })
}
