import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A project folder of a few files, removed in the end. */
export class TemporaryProject implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'poolscope-start-'))

  constructor(files: Record<string, string>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text)
  }

  write(name: string, text: string): void {
    const file = join(this.root, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true })
  }
}

/** One of the plain JavaScript modules of electron/start, which have no types of their own. */
export const startModule = async <T>(name: string): Promise<T> =>
  (await import(pathToFileURL(join(import.meta.dirname, '../../electron/start', name)).href)) as T
