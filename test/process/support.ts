import { systemClock } from '../../electron/kit/clock.ts'
import { isZombie, readStat } from '../../electron/process/procfs.ts'
import { type SpawnOptions, spawnTree } from '../../electron/process/spawn.ts'
import type { ChildTree, ProcessSpec } from '../../electron/process/types.ts'
import { type ChildName, childSpec } from '../fixtures/children/index.ts'

interface Message {
  id?: number | string
  method?: string
  result?: unknown
  error?: unknown
}

/** A child with the least of a client: enough to talk to it, nothing that would hide what the tree does. */
export class Talk {
  readonly tree: ChildTree
  readonly lines: string[] = []
  readonly tooLong: { bytes: number; head: string; tail: string }[] = []
  readonly writeFailures: Error[] = []
  stdoutEnds = 0
  /** What happened, in order. */
  readonly order: string[] = []
  #nextId = 1
  readonly #waiting = new Map<number | string, (message: Message) => void>()
  readonly #lineWaiters: { matches: (line: string) => boolean; resolve: (line: string) => void }[] = []

  constructor(spec: ProcessSpec, options: Partial<SpawnOptions> = {}) {
    this.tree = spawnTree(spec, { clock: systemClock, ...options })
    this.tree.onLine = (line) => this.#take(line)
    this.tree.onLineTooLong = (bytes, head, tail) => this.tooLong.push({ bytes, head, tail })
    this.tree.onWriteFailed = (error) => this.writeFailures.push(error)
    this.tree.onStdoutEnd = () => {
      this.stdoutEnds++
      this.order.push('stdout end')
    }
    void this.tree.exited.then(() => this.order.push('exited'))
    talks.add(this)
  }

  get pid(): number {
    if (this.tree.pid === undefined) throw new Error('it was not started')
    return this.tree.pid
  }

  request(method: string, params?: unknown): Promise<Message> {
    const id = this.#nextId++
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve))
    this.tree.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return answer
  }

  notify(method: string, params?: unknown): void {
    this.tree.write(JSON.stringify({ jsonrpc: '2.0', method, params }))
  }

  async initialize(): Promise<this> {
    await this.request('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 't', version: '0' },
    })
    this.notify('notifications/initialized')
    return this
  }

  /** The text of a tool's answer. */
  async tool(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const { result } = await this.request('tools/call', { name, arguments: args })
    return (result as { content: { text: string }[] }).content[0]?.text ?? ''
  }

  /** The next line of stdout that matches, or one that came before. */
  line(matches: (line: string) => boolean): Promise<string> {
    const found = this.lines.find(matches)
    if (found !== undefined) return Promise.resolve(found)
    return new Promise((resolve) => this.#lineWaiters.push({ matches, resolve }))
  }

  stderrLine(matches: (text: string) => boolean): Promise<string> {
    const found = this.tree.stderr.lines().find(({ text }) => matches(text))
    if (found) return Promise.resolve(found.text)
    return new Promise((resolve) => {
      const stop = this.tree.stderr.onLine(({ text }) => {
        if (!matches(text)) return
        stop()
        resolve(text)
      })
    })
  }

  #take(line: string): void {
    this.lines.push(line)
    this.order.push('line')
    for (const waiter of this.#lineWaiters) if (waiter.matches(line)) waiter.resolve(line)
    const message = parse(line)
    if (message?.id === undefined || message.method !== undefined) return
    this.#waiting.get(message.id)?.(message)
    this.#waiting.delete(message.id)
  }
}

const talks = new Set<Talk>()

export function talk(name: ChildName, args: readonly string[] = [], options: Partial<SpawnOptions> = {}): Talk {
  return new Talk(childSpec(name, args), options)
}

/** Ends every child of the test, for afterEach; whatever is left then fails the test. */
export async function endAll(): Promise<void> {
  const left: string[] = []
  for (const { tree } of talks) if ((await tree.terminate('kill')) !== 'gone') left.push(String(tree.pid))
  talks.clear()
  if (left.length > 0) throw new Error(`not ended: ${left.join(', ')}`)
}

/** Runs, and is no zombie. */
export function running(pid: number): boolean {
  const stat = readStat(pid)
  return stat !== undefined && !isZombie(stat)
}

function parse(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
