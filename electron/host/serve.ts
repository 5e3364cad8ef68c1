import type { Config } from '../../shared/config.ts'
import { type LogLevel, lineLogger } from '../kit/logger.ts'
import { type Host, startHost } from './host.ts'
import { defaultUserDataDir } from './user-data.ts'
import { keepYoungSpaceSmall } from './young-space.ts'

export interface ServeOptions {
  config?: string
  port?: number
  userDataDir?: string
  auth?: Config['gateway']['auth']
  logLevel?: LogLevel
  outDir: string
  version: string
}

const abandonMs = 2_000
/** Long enough for what is left in our own pipes. */
const lingerMs = 500

/** A terminal's Ctrl-C reaches the whole group and npm passes it on again: what comes this soon is the same request. */
const sameSignalMs = 1_000

/**
 * Runs the host until SIGTERM or SIGINT. When ready, prints exactly one JSON line on stdout; everything else goes to
 * stderr. A second signal ends the children at once.
 * @returns the exit code
 * @throws AppError when nothing was started: bad config, port in use
 */
export async function serve(options: ServeOptions): Promise<number> {
  // Whoever read our output may be gone (`serve | head -1`): that is no reason to end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  keepYoungSpaceSmall()
  const logger = lineLogger((line) => process.stderr.write(line), options.logLevel)
  const signalled = untilSignal()
  const starting = startHost({
    mode: 'serve',
    userDataDir: options.userDataDir ?? defaultUserDataDir(),
    configFile: options.config,
    port: options.port,
    auth: options.auth,
    outDir: options.outDir,
    version: options.version,
    logger,
    watchdog: { execPath: process.execPath, env: {} },
  })
  const host = await Promise.race([starting, signalled.first.then(() => undefined)])
  if (!host) return abandon(starting)
  process.stdout.write(`${JSON.stringify(readyLine(host))}\n`)
  const signal = await signalled.first
  const { requestsInFlight } = host.info
  const waitsFor = requestsInFlight() > 0 ? ` (${requestsInFlight()} requests in flight)` : ''
  logger.log('info', `${signal}: draining and stopping every child${waitsFor}; once more to stop at once`)
  signalled.onSecond(() => {
    logger.log('warn', 'second signal: stopping at once')
    void host.close({ timeoutMs: 0 })
  })
  await host.close()
  logger.log('info', 'stopped')
  // A library may still wait for something that no longer matters: OpenTelemetry repeats an export for ten seconds.
  setTimeout(() => process.exit(), lingerMs).unref()
  return 0
}

/** Stopped before it was up. What it waits for may take long. */
async function abandon(starting: Promise<Host>): Promise<number> {
  const stopped = starting.then((host) => host.close({ timeoutMs: 0 }))
  await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, abandonMs))])
  process.exit(0)
}

function readyLine({ info }: Host) {
  return {
    ready: true,
    url: info.url,
    dashboard: info.dashboard,
    mcp: Object.fromEntries(info.upstreams().map((name) => [name, info.mcpUrl(name)])),
    metrics: `${info.url}/metrics`,
    token: info.token,
  }
}

function untilSignal() {
  const { promise: first, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let firstAt: number | undefined
  let second = () => {}
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (firstAt === undefined) {
        firstAt = performance.now()
        resolve(signal)
      } else if (performance.now() - firstAt > sameSignalMs) second()
    })
  }
  return {
    first,
    onSecond: (listener: () => void) => {
      second = listener
    },
  }
}
