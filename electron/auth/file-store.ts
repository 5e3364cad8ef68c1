import type { Stats } from 'node:fs'
import { chmod, lstat, readFile } from 'node:fs/promises'
import { platform } from 'node:process'
import writeFileAtomic from 'write-file-atomic'
import { z } from 'zod'
import { AppError } from '../../shared/errors.ts'
import type { Logger } from '../kit/logger.ts'
import type { SecretStore } from './types.ts'

const fileSchema = z.object({ version: z.literal(1), secrets: z.record(z.string(), z.string()) })
type Secrets = Record<string, string>

/** How texts stand in the file; the default is as they are. */
export interface SecretCodec {
  encode(text: string): Promise<string>
  /** @returns undefined for what can't be decoded any more */
  decode(text: string): Promise<string | undefined>
}

/**
 * Secrets in one file that its owner alone can read, replaced whole at each change. One store for a file: those that write
 * through it wait for each other.
 *
 * A file that others could read is made private again, with a warning: whoever read it already has the tokens, so refusing
 * it would help nobody. A file of another user, or a link, is refused: it could be planted there.
 */
export class FileSecretStore implements SecretStore {
  readonly kind: 'file' | 'safe-storage'
  readonly #file: string
  readonly #logger: Logger
  readonly #codec: SecretCodec | undefined
  #last: Promise<unknown> = Promise.resolve()
  #warned = false

  /** @param codec makes it a store of kind safe-storage */
  constructor(file: string, logger: Logger, codec?: SecretCodec) {
    this.#file = file
    this.#logger = logger
    this.#codec = codec
    this.kind = codec ? 'safe-storage' : 'file'
  }

  /** @throws AppError CONFIG_INVALID when the file is not ours; an error of the file system */
  async get(key: string): Promise<string | undefined> {
    const text = await this.#inTurn(async () => (await this.#read())[key])
    return text === undefined || !this.#codec ? text : await this.#codec.decode(text)
  }

  /** @throws AppError CONFIG_INVALID when the file is not ours; an error of the file system */
  async set(key: string, value: string): Promise<void> {
    await this.#inTurn(async () => {
      const text = this.#codec ? await this.#codec.encode(value) : value
      await this.#write({ ...(await this.#read()), [key]: text })
      if (this.#codec || this.#warned) return
      this.#warned = true
      this.#logger.log('warn', `tokens are kept in a file that only your user can read, not encrypted: ${this.#file}`)
    })
  }

  /** @throws AppError CONFIG_INVALID when the file is not ours; an error of the file system */
  async delete(key: string): Promise<void> {
    await this.#inTurn(async () => {
      const { [key]: gone, ...rest } = await this.#read()
      if (gone !== undefined) await this.#write(rest)
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined) // its caller hears of it
    return turn
  }

  async #read(): Promise<Secrets> {
    let text: string
    try {
      await this.#makePrivate(await lstat(this.#file))
      text = await readFile(this.#file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
      throw error
    }
    const parsed = fileSchema.safeParse(jsonOf(text))
    if (parsed.success) return parsed.data.secrets
    // Tokens can be had again; what a parser says of it could quote some.
    this.#logger.log('warn', `${this.#file} is not in a form that is known; the sign-ins in it are lost`)
    return {}
  }

  async #makePrivate(stats: Stats): Promise<void> {
    const refuse = (why: string) =>
      new AppError('CONFIG_INVALID', `${this.#file} ${why}; it is not used. Remove it.`, { file: this.#file })
    if (!stats.isFile()) throw refuse('is not a plain file')
    if (platform === 'win32') return // no modes there: the user's folder is private
    if (stats.uid !== process.getuid?.()) throw refuse('belongs to another user')
    if ((stats.mode & 0o077) === 0) return
    await chmod(this.#file, 0o600)
    this.#logger.log(
      'warn',
      `${this.#file} could be read by others; it is private again. Sign out and in if that may have happened.`,
    )
  }

  async #write(secrets: Secrets): Promise<void> {
    const content = JSON.stringify({ version: 1, secrets } satisfies z.infer<typeof fileSchema>)
    await writeFileAtomic(this.#file, `${content}\n`, { mode: 0o600 })
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
