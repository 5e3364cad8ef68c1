import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ParseError, parse, printParseErrorCode, visit } from 'jsonc-parser'
import writeFileAtomic from 'write-file-atomic'
import type { Config } from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'
import { editJson } from './edit-json.ts'
import { listEntries, resolveConfig, serverKeys } from './resolve.ts'

const describeFault = (error: unknown) => (error as NodeJS.ErrnoException).code ?? (error as Error).message

function parseText(text: string, file: string): Record<string, unknown> {
  const fail = (problem: string, offset?: number): never => {
    const place = offset === undefined ? undefined : placeOf(text, offset)
    throw new AppError('CONFIG_INVALID', `${file}: ${place ? `${place}: ` : ''}${problem}`, { file, path: [], place })
  }
  const errors: ParseError[] = []
  let root: unknown
  try {
    root = parse(text, errors, { allowTrailingComma: true, disallowComments: false })
    forbidLostServers(text, fail)
  } catch (error) {
    if (error instanceof RangeError) return fail('nested too deeply')
    throw error
  }
  const [first] = errors
  if (first) return fail(`not valid JSON (${printParseErrorCode(first.error)})`, first.offset)
  if (typeof root !== 'object' || root === null || Array.isArray(root))
    return fail('expected an object with "mcpServers"')
  return root as Record<string, unknown>
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

/** Of two servers with one name a parser keeps the last and says nothing; `__proto__` it drops. */
function forbidLostServers(text: string, fail: (problem: string, offset: number) => never): void {
  const seen = new Set<string>()
  visit(text, {
    onObjectProperty(name, offset, _length, _line, _column, pathOf) {
      const path = pathOf()
      if (path.length !== 1 || !(serverKeys as readonly unknown[]).includes(path[0])) return
      if (name === '__proto__') fail('a server can not be called __proto__', offset)
      if (seen.has(`${path[0]} ${name}`)) fail(`there are two servers called "${name}"`, offset)
      seen.add(`${path[0]} ${name}`)
    },
  })
}

/**
 * The config file: JSON with comments. It is read whole, edited in place (comments, order and unknown keys stay), and
 * written atomically. Edits are queued one after the other, and each starts from what is on disk then, so that a
 * change made by hand in the meantime is not lost.
 */
export class ConfigFile {
  readonly file: string
  #text: string
  #root: Record<string, unknown>
  #config: Config
  #queue: Promise<unknown> = Promise.resolve()

  private constructor(file: string, text: string) {
    this.file = file
    this.#text = text
    this.#root = parseText(text, file)
    this.#config = this.#resolve(this.#root)
  }

  /** @throws AppError CONFIG_INVALID: unreadable (`data.fault`), not JSON (`data.place`) or a wrong value (`data.path`); the message names the file */
  static async load(file: string): Promise<ConfigFile> {
    return new ConfigFile(file, await ConfigFile.#read(file))
  }

  /** Writes a new file with `text`, readable by its owner only: it may come to hold secrets. */
  static async create(file: string, text: string): Promise<ConfigFile> {
    const made = new ConfigFile(file, text)
    await made.#write(text, 0o600)
    return made
  }

  get config(): Config {
    return this.#config
  }

  get text(): string {
    return this.#text
  }

  /** An entry as it stands in the file, unknown keys included. */
  entry(name: string): Record<string, unknown> | undefined {
    return listEntries(this.#root).find((entry) => entry.name === name)?.value as Record<string, unknown> | undefined
  }

  /** Reads the file again. @returns false when it is as it was */
  async reload(): Promise<boolean> {
    return this.#enqueue(async () => this.#take(await ConfigFile.#read(this.file)))
  }

  /** Adds or replaces an entry, key by key, so that comments inside it stay. */
  async setEntry(name: string, entry: Record<string, unknown>): Promise<void> {
    await this.#edit((text, root) => {
      const known = listEntries(root).find((one) => one.name === name)
      const path = known?.path ?? [serverKeys.find((key) => root[key] !== undefined) ?? 'mcpServers', name]
      if (!known) return editJson(text, path, entry)
      const before = known.value as Record<string, unknown>
      return this.#setChanged(text, path, before, entry)
    })
  }

  async setKey(name: string, key: string, value: unknown): Promise<void> {
    await this.#edit((text, root) => {
      const known = listEntries(root).find((one) => one.name === name)
      return known ? editJson(text, [...known.path, key], value) : text
    })
  }

  async removeEntry(name: string): Promise<void> {
    await this.#edit((text, root) => {
      const known = listEntries(root).find((one) => one.name === name)
      return known ? editJson(text, known.path, undefined) : text
    })
  }

  #setChanged(text: string, path: string[], before: Record<string, unknown>, after: Record<string, unknown>): string {
    const isPlain = (value: unknown): value is Record<string, unknown> =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
    let edited = text
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const [old, next] = [before[key], after[key]]
      if (JSON.stringify(old) === JSON.stringify(next)) continue
      edited =
        isPlain(old) && isPlain(next)
          ? this.#setChanged(edited, [...path, key], old, next)
          : editJson(edited, [...path, key], next)
    }
    return edited
  }

  async #edit(change: (text: string, root: Record<string, unknown>) => string): Promise<void> {
    await this.#enqueue(async () => {
      const onDisk = await ConfigFile.#read(this.file)
      const edited = change(onDisk, parseText(onDisk, this.file))
      this.#resolve(parseText(edited, this.file))
      await this.#write(edited)
      this.#take(edited)
    })
  }

  #take(text: string): boolean {
    if (text === this.#text) return false
    const root = parseText(text, this.file)
    this.#config = this.#resolve(root)
    this.#root = root
    this.#text = text
    return true
  }

  #resolve(root: Record<string, unknown>): Config {
    try {
      return resolveConfig(root)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      throw new AppError(
        error.code,
        `${this.file}: ${error.message}`,
        { ...error.data, file: this.file },
        { cause: error },
      )
    }
  }

  #enqueue<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(step)
    this.#queue = result.catch(() => {}) // the caller hears of it; the next step must not
    return result
  }

  /** A file that is there keeps its mode. */
  async #write(text: string, mode?: number): Promise<void> {
    try {
      await mkdir(dirname(this.file), { recursive: true })
      await writeFileAtomic(this.file, text, mode === undefined ? {} : { mode })
    } catch (error) {
      throw new AppError(
        'CONFIG_UNWRITABLE',
        `${this.file} can't be written (${describeFault(error)})`,
        { file: this.file },
        { cause: error },
      )
    }
  }

  static async #read(file: string): Promise<string> {
    try {
      // Reading a pipe may never end, and not even a signal would stop it.
      if (!(await stat(file)).isFile()) throw new Error('it is no regular file')
      return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '')
    } catch (error) {
      throw new AppError(
        'CONFIG_INVALID',
        `${file} can't be read (${describeFault(error)})`,
        { file, path: [], fault: describeFault(error) },
        { cause: error },
      )
    }
  }
}
