import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type Clock, type Random, systemClock } from '../kit/clock.ts'
import type { Logger } from '../kit/logger.ts'
import { LineSplitter } from '../process/line-splitter.ts'
import { scanObject, sliceOf } from '../upstream/envelope.ts'
import { Calls } from './call.ts'
import { Exchange } from './exchange.ts'
import { GatewayLink } from './gateway-link.ts'
import { LinesOut } from './lines-out.ts'
import { type ClientLine, errorLine, readLine } from './message.ts'
import { Sessions } from './sessions.ts'
import { type BridgeLimits, defaultBridgeLimits, type Locate, type Reconnect } from './types.ts'

/** Longer than any body that the gateway takes: it is the one to refuse it. */
const maxLineBytes = 64 * 1024 * 1024

const parseError = -32700
const invalidRequest = -32600

export interface BridgeOptions {
  input: Readable
  output: Writable
  locate: Locate
  logger: Logger
  /** Ends the bridge at once, as a signal would. */
  signal?: AbortSignal
  limits?: Partial<BridgeLimits>
  /** Of the waits before streams are opened again. */
  clock?: Clock
  random?: Random
}

/**
 * Stands where a stdio server would: passes a client's lines on to the gateway, and what the gateway says back, byte for
 * byte. It starts nothing and knows no server; whichever era the client speaks goes through.
 */
export class Bridge {
  readonly #options: BridgeOptions
  readonly #limits: BridgeLimits
  readonly #calls = new Calls()
  readonly #link: GatewayLink
  readonly #out: LinesOut
  readonly #sessions: Sessions
  readonly #exchange: Exchange
  /** Each step of the handshake is over before the next line goes out. */
  #handshake: Promise<void> = Promise.resolve()

  constructor(options: BridgeOptions) {
    const { output, locate, logger, clock = systemClock, random = Math.random } = options
    this.#options = options
    this.#limits = { ...defaultBridgeLimits, ...options.limits }
    const reconnect: Reconnect = {
      scheduler: {
        now: () => clock.now(),
        // While a client waits nothing but this timer may be left, and must keep us.
        after: (ms, run) => clock.after(ms, run, { ref: true }),
      },
      random,
      policy: this.#limits.reconnect,
    }
    this.#link = new GatewayLink(locate, this.#limits.reachMs, random)
    this.#out = new LinesOut(output)
    this.#sessions = new Sessions({ link: this.#link, out: this.#out, logger, reconnect })
    this.#exchange = new Exchange({ link: this.#link, out: this.#out, sessions: this.#sessions, logger, reconnect })
  }

  /** Until the client has closed its side: then what is under way gets a moment, and the session is given back. */
  async run(): Promise<void> {
    await this.#readAll()
    const hurry = this.#options.signal?.aborted === true || this.#out.gone.aborted
    if (!hurry) await Promise.race([this.#calls.none(), delay(this.#limits.drainMs, undefined, { ref: false })])
    this.#calls.abortAll()
    await this.#sessions.end()
    this.#link.close()
  }

  #readAll(): Promise<void> {
    const { input, signal } = this.#options
    const lines = new LineSplitter(maxLineBytes, {
      onLine: (text) => {
        if (text.trim() !== '') this.#take(text)
      },
      onLineTooLong: (bytes) => {
        void this.#out.write(errorLine('null', invalidRequest, `A line of ${bytes} bytes is longer than allowed`))
      },
    })
    return new Promise((resolve) => {
      input.on('data', (chunk: Buffer) => lines.push(chunk))
      input.once('end', () => {
        lines.end()
        resolve()
      })
      input.once('error', () => resolve())
      this.#out.gone.addEventListener('abort', () => resolve())
      signal?.addEventListener('abort', () => resolve())
      if (signal?.aborted) resolve()
    })
  }

  #take(text: string): void {
    const line = readLine(text)
    if (!line) {
      void this.#out.write(errorLine('null', parseError, 'Parse error: the line is no JSON'))
      return
    }
    if (line.method === 'notifications/cancelled' && this.#cancel(line)) return
    const done = this.#calls.during(line, async (call) => {
      await this.#handshake
      await this.#exchange.run(call)
    })
    const isStep = line.method === 'initialize' || line.method === 'notifications/initialized'
    if (isStep && line.claimedVersion === undefined) this.#handshake = done
  }

  /** @returns whether the gateway need not hear of it: a modern call is cancelled by closing its request */
  #cancel(line: ClientLine): boolean {
    const span = scanObject(line.text, ['params'])?.[0]
    const params = span && sliceOf(line.text, span)
    const id = params && scanObject(params, ['requestId'])?.[0]
    const call = params && id && this.#calls.find(sliceOf(params, id))
    if (!call) return false
    call.cancelled = true
    if (call.isModern) call.abort()
    return call.isModern
  }
}
