import { AppError } from '../../shared/errors.ts'
import { Bridge } from '../bridge/bridge.ts'
import type { Locate } from '../bridge/types.ts'
import { type LogLevel, lineLogger } from '../kit/logger.ts'
import { findGateway } from './gateway-file.ts'
import { defaultUserDataDir } from './user-data.ts'

export interface RunBridgeOptions {
  userDataDir?: string
  /** Of the gateway; default: what the host wrote into the user-data folder. */
  url?: string
  token?: string
  logLevel?: LogLevel
}

/**
 * Is an MCP server on stdin and stdout, to a client that takes only such, until the client closes stdin.
 * @param upstream undefined: all of them, at the aggregated endpoint
 * @returns the exit code
 * @throws AppError INVALID_ARGUMENT
 */
export async function runBridge(upstream: string | undefined, options: RunBridgeOptions): Promise<number> {
  // What reads our messages may be gone before we are.
  process.stderr.on('error', () => {})
  const ended = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => ended.abort())
  const bridge = new Bridge({
    input: process.stdin,
    output: process.stdout,
    locate: locator(upstream, options),
    logger: lineLogger((line) => process.stderr.write(line), options.logLevel),
    signal: ended.signal,
  })
  await bridge.run()
  // After a signal stdin is still open, and would keep us.
  process.stdin.destroy()
  return 0
}

function locator(upstream: string | undefined, { url, token, userDataDir }: RunBridgeOptions): Locate {
  const path = upstream === undefined ? '/mcp' : `/mcp/${encodeURIComponent(upstream)}`
  const base = url === undefined ? undefined : parseBase(url)
  if (base && token !== undefined) return async () => ({ url: new URL(path, base), token })
  const dir = userDataDir ?? defaultUserDataDir()
  return async () => {
    const found = await findGateway(dir, base?.href)
    return { url: new URL(path, found.url), token: token ?? found.token }
  }
}

function parseBase(url: string): URL {
  const base = URL.parse(url)
  if (base?.protocol !== 'http:')
    throw new AppError('INVALID_ARGUMENT', `--url must be like http://127.0.0.1:7411, not ${url}`)
  return base
}
