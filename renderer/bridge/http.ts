import { createParser } from 'eventsource-parser'
import type { CommandReply, Frame } from '../../shared/contract.ts'
import { hostGoneMs } from '../../shared/frames.ts'
import {
  type Attempt,
  ReconnectLoop,
  type ReconnectPolicy,
  type Scheduler,
  type StreamEnd,
} from '../../shared/reconnect.ts'
import type { Bridge, BridgeStatus } from './types.ts'

export interface HttpBridgeOptions {
  /** Where the host is; the page's own origin in a browser. */
  origin: string
  token: string | null
  scheduler?: Scheduler
  random?: () => number
  onToken?: (token: string) => void
}

/** A page on the same machine may try often: a restarted host is back on screen within seconds, and one that is away for a night sees a quiet tab. */
const frameReconnect: ReconnectPolicy = { baseMs: 250, capMs: 5_000, floorMs: 100, maxServerWaitMs: 5_000 }

const pageScheduler: Scheduler = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
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
  const { scheduler = pageScheduler, random = Math.random } = options
  const frameListeners = new Set<(frame: Frame) => void>()
  const statusListeners = new Set<(status: BridgeStatus) => void>()
  let token = options.token
  let status: BridgeStatus = 'opening'
  let stream: ReconnectLoop | null = null

  const headers = (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {})

  function setStatus(next: BridgeStatus): void {
    if (next === status) return
    status = next
    for (const listener of statusListeners) listener(next)
  }

  /** Reads one stream of frames to its end. */
  async function readStream(attempt: Attempt): Promise<StreamEnd> {
    const silence = new AbortController()
    // A connection that broke without a FIN delivers nothing and never ends; silence means that the host is gone.
    const onSilence = () => silence.abort(new Error(`nothing was heard for ${hostGoneMs / 1000} s`))
    let watchdog = scheduler.after(hostGoneMs, onSilence)
    try {
      const response = await fetch(new URL('/api/frames', options.origin), {
        headers: { ...headers(), accept: 'text/event-stream' },
        signal: AbortSignal.any([attempt.signal, silence.signal]),
        cache: 'no-store',
      })
      if (response.status === 401 || response.status === 403)
        return { kind: 'stop', reason: 'the host refused the token', state: 'stopped' }
      if (!response.ok || !response.body) return { kind: 'lost', reason: `HTTP ${response.status}` }
      attempt.opened()
      const parser = createParser({
        onEvent: ({ data }) => {
          const frame = JSON.parse(data) as Frame
          attempt.message()
          for (const listener of frameListeners) tell(listener, frame)
        },
        onRetry: attempt.retry,
      })
      const decoder = new TextDecoder()
      const reader = response.body.getReader() // not for-await: Safari's streams are not iterable yet
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        watchdog.cancel()
        watchdog = scheduler.after(hostGoneMs, onSilence)
        parser.feed(decoder.decode(chunk.value, { stream: true }))
      }
      return { kind: 'lost', reason: 'the host ended the stream' }
    } finally {
      watchdog.cancel()
    }
  }

  function restart(): void {
    const before = stream
    stream = null // what it says from here on is not ours
    before?.stop()
    if (frameListeners.size === 0) return
    const own = new ReconnectLoop({
      scheduler,
      random,
      policy: frameReconnect,
      run: readStream,
      onChange: () => {
        if (stream !== own) return
        if (own.view.state === 'open') setStatus('open')
        else if (own.view.state === 'waiting') setStatus('closed')
        else if (own.view.state === 'stopped') setStatus('unauthorized')
      },
    })
    stream = own
    own.start()
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
      if (!stream) restart()
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
      if (stream) stream.retryNow()
      else restart()
    },
    authorize(next) {
      token = next
      options.onToken?.(next)
      setStatus('opening')
      restart()
    },
  }
}
