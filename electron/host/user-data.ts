import { constants } from 'node:fs'
import { access, mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import envPaths from 'env-paths'
import { AppError } from '../../shared/errors.ts'

/** Where a host keeps its config, token, ledger and logs unless told otherwise: the platform's own place for such. */
export const defaultUserDataDir = (): string => envPaths('Poolscope', { suffix: '' }).config

/** Makes the folder, for its owner only. @throws AppError CONFIG_UNWRITABLE when it can't be made or written */
export async function ensureUserDataDir(dir: string): Promise<void> {
  try {
    await makeFolder(resolve(dir))
    await access(dir, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new AppError(
      'CONFIG_UNWRITABLE',
      `the user-data folder ${dir} can't be made or written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`,
      { dir },
      { cause: error },
    )
  }
}

/** Not by Node's own `recursive`: below /proc that never ends. */
async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(dir)).isDirectory()) return
    if (code !== 'ENOENT' || dirname(dir) === dir) throw error
    if ((await stat(dirname(dir)).catch(() => undefined))?.isDirectory()) throw error
    await makeFolder(dirname(dir))
    await mkdir(dir, { mode: 0o700 })
  }
}
