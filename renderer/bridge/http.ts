import type { CommandReply, Frame } from '../../shared/contract.ts'
import { hostGoneMs } from '../../shared/frames.ts'
import { reconnectDelayMs } from './backoff.ts'
import { SseParser } from './sse.ts'
import type { Bridge, BridgeStatus } from './types.ts'

export interface HttpBridgeOptions {
  /** Where the host is; the page's own origin in a browser. */
  origin: string
  token: string | null
  random?: () => number
  onToken?: (token: string) => void
}

/** A listener that throws must not look like a broken stream. */
function tell(listener: (frame: Frame) => void, frame: Frame): void {
  try {
    listener(frame)
  } catch (thrown) {
    reportError(thrown)
  }
}

/**
 * The browser: commands by POST, frames by a streamed GET. EventSource can't carry an Authorization header, and a token
 * in a URL would end up in logs, so the stream is read with fetch.
 */
export function createHttpBridge(options: HttpBridgeOptions): Bridge {
  const random = options.random ?? Math.random
  const frameListeners = new Set<(frame: Frame) => void>()
  const statusListeners = new Set<(status: BridgeStatus) => void>()
  let token = options.token
  let status: BridgeStatus = 'opening'
  let life: AbortController | null = null
  let wake: (() => void) | null = null

  const headers = (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {})

  function setStatus(next: BridgeStatus): void {
    if (next === status) return
    status = next
    for (const listener of statusListeners) listener(next)
  }

  /** Reads one stream to its end. @returns whether a frame arrived, and whether the token was refused */
  async function readStream(life: AbortSignal): Promise<'refused' | 'had-frames' | 'empty'> {
    const silence = new AbortController()
    let hadFrames = false
    // A connection that broke without a FIN delivers nothing and never ends; silence means that the host is gone.
    let watchdog = setTimeout(() => silence.abort(), hostGoneMs)
    try {
      const response = await fetch(new URL('/api/frames', options.origin), {
        headers: { ...headers(), accept: 'text/event-stream' },
        signal: AbortSignal.any([life, silence.signal]),
        cache: 'no-store',
      })
      if (response.status === 401 || response.status === 403) {
        await response.body?.cancel()
        return 'refused'
      }
      if (!response.ok || !response.body) return 'empty'
      setStatus('open')
      const parser = new SseParser((event) => {
        const frame = JSON.parse(event.data) as Frame
        hadFrames = true
        for (const listener of frameListeners) tell(listener, frame)
      })
      const decoder = new TextDecoder()
      const reader = response.body.getReader() // not for-await: Safari's streams are not iterable yet
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        clearTimeout(watchdog)
        watchdog = setTimeout(() => silence.abort(), hostGoneMs)
        parser.push(decoder.decode(chunk.value, { stream: true }))
      }
    } catch {
      // Refused, reset, silent or closed by us: all end the same way, with another attempt unless this life is over.
    } finally {
      clearTimeout(watchdog)
    }
    return hadFrames ? 'had-frames' : 'empty'
  }

  async function run(signal: AbortSignal): Promise<void> {
    let attempt = 0
    while (!signal.aborted) {
      const outcome = await readStream(signal)
      if (signal.aborted) return
      if (outcome === 'refused') {
        setStatus('unauthorized')
        return
      }
      setStatus('closed')
      attempt = outcome === 'had-frames' ? 0 : attempt + 1
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, reconnectDelayMs(attempt, random))
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        signal.addEventListener('abort', wake, { once: true })
      })
      wake = null
    }
  }

  function restart(): void {
    life?.abort()
    life = null
    if (frameListeners.size === 0) return
    life = new AbortController()
    void run(life.signal)
  }

  return {
    kind: 'http',
    async command(name, arg) {
      try {
        const response = await fetch(new URL(`/api/commands/${name}`, options.origin), {
          method: 'POST',
          headers: { ...headers(), 'content-type': 'application/json' },
          body: JSON.stringify(arg),
        })
        const reply = (await response.json()) as CommandReply<typeof name>
        if (!reply.ok && reply.error.code === 'UNAUTHORIZED') setStatus('unauthorized')
        return reply
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        return { ok: false, error: { code: 'HOST_UNREACHABLE', message: `The host did not answer (${why})` } }
      }
    },
    onFrame(listener) {
      frameListeners.add(listener)
      if (!life) restart()
      return () => {
        frameListeners.delete(listener)
        if (frameListeners.size === 0) restart()
      }
    },
    onStatus(listener) {
      statusListeners.add(listener)
      listener(status)
      return () => statusListeners.delete(listener)
    },
    reconnect() {
      if (wake) wake()
      else if (!life) restart()
    },
    authorize(next) {
      token = next
      options.onToken?.(next)
      setStatus('opening')
      restart()
    },
  }
}
