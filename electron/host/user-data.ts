import { mkdir } from 'node:fs/promises'
import envPaths from 'env-paths'
import { AppError } from '../../shared/errors.ts'

/** Where a host keeps its config, token, ledger and logs unless told otherwise: the platform's own place for such. */
export const defaultUserDataDir = (): string => envPaths('Poolscope', { suffix: '' }).config

/** Makes the folder, for its owner only. @throws AppError CONFIG_UNWRITABLE */
export async function ensureUserDataDir(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new AppError(
      'CONFIG_UNWRITABLE',
      `the user-data folder ${dir} can't be made (${(error as Error).message})`,
      { dir },
      { cause: error },
    )
  }
}
