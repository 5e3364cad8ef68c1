import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { z } from 'zod'
import type { Logger } from '../kit/logger.ts'
import type { ProcessIdentity } from './identity.ts'

const identitySchema = z.object({
  pid: z.number().int().min(2),
  pgid: z.number().int().min(2),
  startTime: z.string().min(1),
  bootId: z.string(),
  argvHash: z.string().min(1),
})
const lineSchema = z.union([
  z.object({ host: identitySchema }),
  z.object({ add: identitySchema }),
  z.object({ remove: z.number() }),
])
type Line = z.infer<typeof lineSchema>

/** Beyond this, and mostly of processes that are gone, the file is written anew. */
const compactFromLines = 1000
export const ledgerSuffix = '.jsonl'

/**
 * A file of JSON lines in which a host writes down the trees that it has started, so that the next host can end what
 * was left. Each host has its own file, named by its PID; lines are appended whole and a torn last line is ignored.
 */
export class Ledger {
  readonly #file: string
  readonly #host: ProcessIdentity
  readonly #logger: Logger
  readonly #live = new Map<number, ProcessIdentity>()
  #handle: FileHandle
  #unwritten = ''
  #lines = 1
  #writing: Promise<void> | undefined

  private constructor(file: string, host: ProcessIdentity, handle: FileHandle, logger: Logger) {
    this.#file = file
    this.#host = host
    this.#handle = handle
    this.#logger = logger
  }

  static async open(directory: string, host: ProcessIdentity, logger: Logger): Promise<Ledger> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const file = join(directory, `${host.pid}${ledgerSuffix}`)
    await writeFileAtomic(file, text({ host }), { mode: 0o600 })
    return new Ledger(file, host, await open(file, 'a'), logger)
  }

  /** Never waits; the file follows. Adding a process again replaces what was known of it. */
  add(identity: ProcessIdentity): void {
    this.#live.set(identity.pid, identity)
    this.#append({ add: identity })
  }

  remove(pid: number): void {
    if (this.#live.delete(pid)) this.#append({ remove: pid })
  }

  identities(): ProcessIdentity[] {
    return [...this.#live.values()]
  }

  /** Resolves when everything is in the file. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  /** Removes the file, unless something is left that the next host should look for. */
  async close(): Promise<void> {
    await this.flush()
    await this.#handle.close()
    if (this.#live.size === 0) await rm(this.#file, { force: true })
  }

  #append(line: Line): void {
    this.#unwritten += text(line)
    this.#lines++
    this.#writing ??= this.#write()
  }

  async #write(): Promise<void> {
    // What this tick appends goes out together.
    await undefined
    try {
      while (this.#unwritten !== '') {
        const lines = this.#unwritten
        this.#unwritten = ''
        await this.#handle.appendFile(lines)
        if (this.#lines > compactFromLines && this.#lines > this.#live.size * 4) await this.#compact()
      }
    } catch (error) {
      // A full disk must not stop servers: the watchdog still covers this host.
      this.#logger.log('warn', 'The ledger of processes could not be written', {
        file: this.#file,
        error: String(error),
      })
    }
    this.#writing = undefined
  }

  async #compact(): Promise<void> {
    this.#unwritten = ''
    const live = this.identities()
    await writeFileAtomic(this.#file, text({ host: this.#host }, ...live.map((add) => ({ add }))), { mode: 0o600 })
    this.#lines = live.length + 1
    await this.#handle.close()
    this.#handle = await open(this.#file, 'a')
  }
}

function text(...lines: Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** The host that wrote a ledger, and what it had not taken back. A line that is torn or not ours is ignored. */
export function parseLedger(content: string): { host: ProcessIdentity | undefined; live: ProcessIdentity[] } {
  let host: ProcessIdentity | undefined
  const live = new Map<number, ProcessIdentity>()
  for (const raw of content.split('\n')) {
    const line = parseLine(raw)
    if (!line) continue
    if ('host' in line) host = line.host
    else if ('add' in line) live.set(line.add.pid, line.add)
    else live.delete(line.remove)
  }
  return { host, live: [...live.values()] }
}

function parseLine(raw: string): Line | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(raw)).data
  } catch {
    return undefined
  }
}
