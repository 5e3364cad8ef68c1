import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Protocol } from '../../node_modules/playwright-core/types/protocol.d.ts'
import { findChromium } from './chromium.ts'

type Method = keyof Protocol.CommandParameters
type Params<M extends Method> = Protocol.CommandParameters[M]
type Returned<M extends Method> = Protocol.CommandReturnValues[M]
type EventName = keyof Protocol.Events
interface Incoming {
  id?: number
  method?: string
  params?: unknown
  result?: unknown
  error?: { message: string }
  sessionId?: string
}

/** The least of the Chrome DevTools Protocol: one pipe, flat sessions. */
export class Cdp {
  #out: Writable
  #nextId = 0
  #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #events = new EventEmitter().setMaxListeners(0)

  constructor(out: Writable, input: Readable) {
    this.#out = out
    out.on('error', () => {}) // EPIPE: Chromium is gone, which its exit event tells
    let partial = Buffer.alloc(0)
    input.on('data', (chunk: Buffer) => {
      partial = Buffer.concat([partial, chunk])
      for (let end = partial.indexOf(0); end >= 0; end = partial.indexOf(0)) {
        this.#receive(JSON.parse(partial.toString('utf8', 0, end)) as Incoming)
        partial = partial.subarray(end + 1)
      }
    })
    input.on('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('Chromium has gone'))
      this.#pending.clear()
    })
  }

  #receive(message: Incoming) {
    if (message.id === undefined) {
      this.#events.emit(`${message.sessionId ?? ''}:${message.method}`, message.params)
      return
    }
    const waiting = this.#pending.get(message.id)
    this.#pending.delete(message.id)
    if (message.error) waiting?.reject(new Error(message.error.message))
    else waiting?.resolve(message.result)
  }

  /** @throws Error with the protocol's message, or when Chromium has gone */
  send<M extends Method>(method: M, params?: Params<M>, sessionId?: string): Promise<Returned<M>> {
    const id = ++this.#nextId
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(value as Returned<M>), reject })
      this.#out.write(`${JSON.stringify({ id, method, params: params ?? {}, sessionId })}\0`)
    })
  }

  on<E extends EventName>(sessionId: string, event: E, listener: (params: Protocol.Events[E]) => void): void {
    this.#events.on(`${sessionId}:${event}`, listener)
  }
}

export interface LaunchedChromium {
  cdp: Cdp
  /** Ends Chromium and waits until it is gone. */
  dispose(): Promise<void>
}

/**
 * Starts Chromium with the DevTools pipe, which also ends it when this process dies, even by SIGKILL.
 *
 * @param options.profile Chromium's folder; Electron, too, keeps it among the user data
 * @param options.announce also open a DevTools port and print its address to stderr, as Playwright expects of Electron
 * @param options.onGone called when Chromium ends by itself
 */
export async function launchChromium(options: {
  profile: string
  announce: boolean
  switches: readonly string[]
  onGone: () => void
}): Promise<LaunchedChromium> {
  const { profile, announce, onGone } = options
  const { executable, switches, env } = await findChromium()
  const own = ['--headless', '--no-startup-window', '--no-first-run', '--mute-audio', `--user-data-dir=${profile}`]
  // A page opens no windows here. Closing one that it has opened would be late: it may block the page, their renderer
  // being the same, while Playwright holds it at its start.
  own.push('--block-new-web-contents')
  const port = announce ? ['--remote-debugging-port=0', '--remote-allow-origins=*'] : []
  const child = spawn(executable, [...own, ...switches, ...port, '--remote-debugging-pipe', ...options.switches], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env,
  })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const cdp = new Cdp(child.stdio[3] as Writable, child.stdio[4] as Readable)
  let stderr = ''
  const listening = new Promise<string>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      if (stderr.length < 65_536) stderr += chunk
      const line = /DevTools listening on ws:\S+/.exec(stderr)?.[0]
      if (line) resolve(line)
    })
  })
  const failed = exited.then(() => Promise.reject(new Error(`Chromium ended (code ${child.exitCode}): ${stderr}`)))
  failed.catch(() => {}) // after the start, onGone tells
  await Promise.race([cdp.send('Browser.getVersion'), failed])
  if (announce) process.stderr.write(`${await Promise.race([listening, failed])}\n`)
  child.once('exit', onGone)
  return {
    cdp,
    async dispose() {
      child.off('exit', onGone)
      child.kill('SIGKILL')
      await exited
    },
  }
}
