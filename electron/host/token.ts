import { readFile } from 'node:fs/promises'
import writeFileAtomic from 'write-file-atomic'
import { AppError } from '../../shared/errors.ts'
import { randomHandle } from '../kit/ids.ts'

/**
 * The bearer token of this user-data folder: made once, readable by its owner only, and kept, so that clients and open
 * dashboards find their way back after a restart.
 */
export async function loadToken(file: string): Promise<string> {
  try {
    const kept = (await readFile(file, 'utf8')).trim()
    if (/^[\w-]{20,}$/.test(kept)) return kept
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new AppError(
        'CONFIG_INVALID',
        `${file} can't be read (${(error as Error).message})`,
        { file },
        { cause: error },
      )
    }
  }
  const token = randomHandle()
  await writeFileAtomic(file, `${token}\n`, { mode: 0o600 })
  return token
}
