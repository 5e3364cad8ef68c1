import { setTimeout as delay } from 'node:timers/promises'
import { ERROR_CODES } from '../../shared/errors.ts'
import type { Dice } from './dice.ts'
import { connectRaw } from './raw-client.ts'
import { connectSdk1, connectSdk2 } from './sdk-clients.ts'
import type { SoakHost } from './soak-host.ts'
import type { Outcome, Tally } from './tally.ts'
import { type ToolCall, upstreamNames, upstreams } from './upstreams.ts'

/** Longer than any deadline of the host: who waits this long was forgotten. */
export const patienceMs = 25_000

/** A client's session with one upstream. Every method throws what went wrong. */
export interface Session {
  call(tool: ToolCall, signal: AbortSignal): Promise<{ text: string; isError: boolean }>
  list(): Promise<unknown>
  ping(): Promise<unknown>
  leave(): Promise<void>
}

export type Connect = (endpoint: string, token: string) => Promise<Session>

/** What a client throws for an HTTP status that is not 2xx and has no JSON-RPC error in it. */
export class HttpFailure extends Error {
  readonly status: number

  constructor(status: number, body: string) {
    super(`HTTP ${status}: ${body.slice(0, 200)}`)
    this.status = status
  }
}

const kinds: readonly Connect[] = [
  connectSdk2,
  connectSdk2,
  connectSdk1,
  connectSdk1,
  connectRaw,
  connectRaw,
  connectRaw,
]

export interface LoadOptions {
  host: SoakHost
  tally: Tally
  dice: Dice
  /** Ends the load: what is under way is still waited for. */
  until: AbortSignal
}

/** Nine clients that come, call, and leave; resolves when the last one has left. */
export async function load(options: LoadOptions): Promise<void> {
  await Promise.all([...kinds.map((connect) => visits(connect, options)), scripts(options), scripts(options)])
}

async function visits(connect: Connect, options: LoadOptions): Promise<void> {
  const { dice, until } = options
  while (!until.aborted) {
    const upstream = dice.pick(upstreamNames) ?? ''
    const session = await open(connect, upstream, options)
    if (!session) {
      await pause(dice.between(20, 200), until)
      continue
    }
    const calls = dice.between(5, 60)
    for (let i = 0; i < calls && !until.aborted; i++) {
      // A burst fills the queue, and overfills it now and then.
      const burst = dice.chance(0.02) ? dice.between(4, 20) : 1
      await Promise.all(Array.from({ length: burst }, () => oneCall(session, upstream, options)))
      await pause(dice.between(5, 60), until)
    }
    await counted(options.tally, upstream, 'other', 'leave', async () => {
      await session.leave()
      return 'ok'
    })
  }
}

async function open(connect: Connect, upstream: string, { host, tally }: LoadOptions): Promise<Session | undefined> {
  let session: Session | undefined
  await counted(tally, upstream, 'other', 'connect', async () => {
    session = await connect(host.mcp(upstream), host.token)
    return 'ok'
  })
  return session
}

async function oneCall(session: Session, upstream: string, { tally, dice }: LoadOptions): Promise<void> {
  const die = dice.next()
  if (die < 0.04) {
    await counted(tally, upstream, 'other', 'list', async () => {
      await session.list()
      return 'ok'
    })
  } else if (die < 0.06) {
    await counted(tally, upstream, 'other', 'ping', async () => {
      await session.ping()
      return 'ok'
    })
  } else {
    const tool = toolFor(upstream, dice)
    const abort = new AbortController()
    const givingUp = dice.chance(0.02) ? setTimeout(() => abort.abort(), dice.between(0, 40)) : undefined
    await counted(
      tally,
      upstream,
      'tool',
      tool.name,
      async () => {
        const { text, isError } = await session.call(tool, abort.signal)
        if (isError) return 'tool-error'
        return tool.expected === undefined || tool.expected === text ? 'ok' : 'wrong-answer'
      },
      abort.signal,
    )
    clearTimeout(givingUp)
  }
}

/** A script that uses `request.send` instead of MCP. */
async function scripts({ host, tally, dice, until }: LoadOptions): Promise<void> {
  while (!until.aborted) {
    const upstream = dice.pick(upstreamNames) ?? ''
    const tool = toolFor(upstream, dice)
    await counted(tally, upstream, 'tool', `request.send ${tool.name}`, async () => {
      const { result } = await host.command('request.send', {
        upstream,
        method: 'tools/call',
        params: { name: tool.name, arguments: tool.arguments },
      })
      const text = (result as { content?: { text?: string }[] })?.content?.[0]?.text
      return tool.expected === undefined || tool.expected === text ? 'ok' : 'wrong-answer'
    })
    await pause(dice.between(20, 120), until)
  }
}

let lastText = 0

/** No two calls have the same text: an answer that reaches the wrong caller is seen. */
function toolFor(upstream: string, dice: Dice): ToolCall {
  const text = `${upstream} ${++lastText} ${'ä'.repeat(dice.between(0, 200))}`
  const { call } = upstreams[upstream] ?? {}
  if (!call) throw new Error(`no such upstream: ${upstream}`)
  return call(dice, text)
}

async function counted(
  tally: Tally,
  upstream: string,
  kind: 'tool' | 'other',
  what: string,
  run: () => Promise<Outcome>,
  aborted?: AbortSignal,
): Promise<void> {
  const end = tally.start(upstream, kind, what)
  const patience = new AbortController()
  const running = run().then(
    (outcome) => end(outcome),
    (error: unknown) => end(...outcomeOf(error, aborted?.aborted === true)),
  )
  const forgotten = delay(patienceMs, 'forgotten', { signal: patience.signal }).catch(() => 'ended')
  if ((await Promise.race([running, forgotten])) === 'forgotten') end('unanswered')
  patience.abort()
}

function outcomeOf(thrown: unknown, aborted: boolean): [Outcome, string] {
  const error = thrown as Error & { code?: unknown; data?: { code?: unknown; data?: { code?: unknown } } }
  const code = error.data?.code ?? error.data?.data?.code
  if (typeof code === 'string') return [`rpc:${code}`, error.message]
  // SDKs have codes of their own for what we gave up.
  if (aborted) return ['aborted', '']
  if (error instanceof HttpFailure) return [`http:${error.status}`, error.message]
  // A command's own error carries the code itself, a JSON-RPC error a number.
  if (typeof error.code === 'number' || isAppCode(error.code)) return [`rpc:${error.code}`, error.message]
  return ['network', `${error.message} ${error.cause ?? ''}`]
}

const isAppCode = (code: unknown): boolean => (ERROR_CODES as readonly unknown[]).includes(code)

const pause = (ms: number, until: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal: until }).catch(() => undefined)
