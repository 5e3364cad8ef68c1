import { readFile, rm } from 'node:fs/promises'
import writeFileAtomic from 'write-file-atomic'
import { AppError } from '../../shared/errors.ts'
import { userFiles } from './paths.ts'

/** Where the gateway of this user-data folder is, for programs beside the host: its port may be another each time. */
export interface GatewayFile {
  url: string
  pid: number
}

export async function writeGatewayFile(file: string, content: GatewayFile): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(content)}\n`, { mode: 0o600 })
}

/** Only one's own: another host may have begun to serve from the same folder. */
export async function removeGatewayFile(file: string, pid: number): Promise<void> {
  const content = await readGatewayFile(file)
  if (content?.pid === pid) await rm(file, { force: true })
}

/** @returns undefined when there is none, or none that can be used */
export async function readGatewayFile(file: string): Promise<GatewayFile | undefined> {
  try {
    const { url, pid } = JSON.parse(await readFile(file, 'utf8')) as Partial<GatewayFile>
    return typeof url === 'string' && URL.canParse(url) && typeof pid === 'number' ? { url, pid } : undefined
  } catch {
    return undefined // not there, or half a file of a host that was killed: as good as none
  }
}

/**
 * How a program of the same user reaches the gateway that serves from this folder.
 * @param url where it is, for one who knows
 * @throws AppError HOST_UNREACHABLE when nothing serves from there
 */
export async function findGateway(
  userDataDir: string,
  url?: string,
): Promise<{ url: string; token: string | undefined }> {
  const files = userFiles(userDataDir)
  const known = url ?? (await readGatewayFile(files.gateway))?.url
  if (known === undefined)
    throw new AppError(
      'HOST_UNREACHABLE',
      `Poolscope is not running (there is no ${files.gateway}). Start the app, or \`poolscope serve\`; the next request tries again.`,
    )
  // With --auth none there is nothing to be read, or nobody asks for it.
  const token = await readFile(files.token, 'utf8').catch(() => undefined)
  return { url: known, token: token?.trim() }
}
