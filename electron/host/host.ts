import { existsSync } from 'node:fs'
import { AppError, type CommandReply, type Config, type Frame, type HostState } from '../../shared/contract.ts'
import { FileSecretStore } from '../auth/file-store.ts'
import type { SecretStore } from '../auth/types.ts'
import { ConfigFile } from '../config/config-file.ts'
import { expand } from '../config/expand.ts'
import { demoServerVariable, firstRunConfig, runsDemoServer } from '../config/first-run.ts'
import { watchFile } from '../config/watch.ts'
import { Gateway } from '../gateway/gateway.ts'
import { systemClock } from '../kit/clock.ts'
import type { Logger } from '../kit/logger.ts'
import { PermitBudget } from '../pool/budget.ts'
import { ProcessGuard } from '../process/guard.ts'
import { sampleTrees } from '../process/usage.ts'
import { Telemetry } from '../telemetry/telemetry.ts'
import { startTracing } from '../telemetry/tracing/tracing.ts'
import { createUpstream } from '../upstream/create.ts'
import { EraVerdicts } from '../upstream/era-verdicts.ts'
import { announcer } from './announce.ts'
import { childEnvironment } from './child-environment.ts'
import { commandRunner } from './commands.ts'
import { controlHttp } from './control-http.ts'
import { credentials } from './credentials.ts'
import { DemoTraffic } from './demo-traffic.ts'
import { removeGatewayFile, writeGatewayFile } from './gateway-file.ts'
import { commandHandlers } from './handlers.ts'
import { builtFiles, userFiles } from './paths.ts'
import { Registry } from './registry.ts'
import { peerOf, telemetrySources } from './sources.ts'
import { loadToken } from './token.ts'
import { defaultUserDataDir, ensureUserDataDir } from './user-data.ts'

export interface HostOptions {
  mode: HostState['mode']
  userDataDir: string
  /** Default: config.json in the user-data folder, written at the first run. */
  configFile?: string | undefined
  /** These come before the config file's `gateway`. */
  port?: number | undefined
  auth?: Config['gateway']['auth'] | undefined
  /** The folder with renderer/ and cli/ of the build. */
  outDir: string
  version: string
  logger: Logger
  /** What runs the watchdog; undefined: none, and what a killed host leaves is ended by the next one. */
  watchdog: { execPath: string; env?: Record<string, string> } | undefined
  /** Where the tokens of remote upstreams are kept. Default: a file in the user-data folder, for its owner only. */
  secrets?: SecretStore | undefined
  /** Opens the system's browser for a sign-in. Without it the address is only told. */
  openBrowser?: ((url: string) => Promise<void>) | undefined
  /** The environment that children start from. Default: this process's own, cleaned of npm's and Electron's additions. */
  environment?: (() => Record<string, string>) | undefined
}

export interface Host {
  /** One entry for the window and for scripts. Never rejects. */
  command(name: string, arg: unknown): Promise<CommandReply>
  /** A listener may return a promise: it gets no further frame until it has caught up. */
  subscribe(listener: (frame: Frame) => unknown): () => void
  readonly info: HostInfo
  /** Drains, stops every child, frees the port. Idempotent; a shorter time hastens a close that is under way. */
  close(options?: { timeoutMs?: number }): Promise<void>
}

export interface HostInfo {
  readonly url: string
  /** With the token: whoever has this URL can do everything. */
  readonly dashboard: string
  readonly token: string
  readonly configFile: string
  upstreams(): string[]
  mcpUrl(upstream: string): string
  requestsInFlight(): number
}

/** POOL semantics, "Defaults": a shutdown takes 10 s in all. Requests in flight get the first part of it. */
const shutdownMs = 10_000
const requestDrainMs = 4_000
/** A collector that does not answer must not hold us up. */
const tracesMs = 1_000

/**
 * Composes the rooms into a running host: config, pools, gateway, telemetry, commands. Only this room connects them.
 * @throws AppError CONFIG_INVALID, CONFIG_UNWRITABLE, ADDRESS_IN_USE: nothing is left running then
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { logger } = options
  const files = userFiles(options.userDataDir)
  const built = builtFiles(options.outDir)
  await ensureUserDataDir(options.userDataDir)
  const configFile = await openConfig(options.configFile, files.config)
  const token = await loadToken(files.token)
  const { gateway: settings } = configFile.config
  const auth = options.auth ?? settings.auth
  const environment = options.environment ?? (() => childEnvironment())
  const variables = (name: string) => {
    if (name === demoServerVariable) return built.demoServer
    const values = environment()
    return Object.hasOwn(values, name) ? values[name] : undefined
  }
  const fill = (text: string) => {
    try {
      return expand(text, variables, 'config')
    } catch {
      return undefined // a variable that is not set; whoever needs it says so
    }
  }
  const clientInfo = { name: 'poolscope', version: options.version }
  const startedAt = systemClock.wall()
  let url = ''
  let closing: Promise<void> | undefined
  const mcpUrl = (name: string) => `${url}/mcp/${encodeURIComponent(name)}`

  await ensureUserDataDir(files.state)
  const guard = await ProcessGuard.start({
    stateDir: files.state,
    watchdogScript: options.watchdog && built.watchdog,
    logger,
    ...options.watchdog,
  })
  const budget = new PermitBudget(settings.maxConnectionsTotal)
  const eras = new EraVerdicts(systemClock)
  const access = credentials({
    store: options.secrets ?? new FileSecretStore(files.secrets, logger),
    openBrowser: options.openBrowser,
    variables,
    clock: systemClock,
    random: Math.random,
    logger,
  })
  const registry: Registry = new Registry({
    create: (config) =>
      createUpstream(config, {
        clock: systemClock,
        random: Math.random,
        logger,
        budget,
        eras,
        guard,
        variables,
        environment,
        auth: access.of,
        clientInfo,
      }),
    attach: (upstream) => telemetry.attach(upstream),
    onChange: (name, change) => telemetry.registryChanged(name, change),
    forget: (config) => access.forget(config),
  })
  const demoName = () => {
    for (const { config } of registry.entries()) if (runsDemoServer(config)) return config.name
    return undefined
  }
  const demo = new DemoTraffic({
    clock: systemClock,
    random: Math.random,
    upstream: () => {
      const name = demoName()
      return name === undefined ? undefined : registry.get(name)
    },
  })
  const gateway: Gateway = new Gateway({
    settings: { auth, maxBodyBytes: settings.maxBodyBytes },
    token,
    upstreams: registry,
    clock: systemClock,
    logger,
    version: options.version,
    fallback: (request, response) => control(request, response),
  })
  const telemetry: Telemetry = new Telemetry({
    clock: systemClock,
    logger,
    sampleTrees,
    expand: fill,
    sources: telemetrySources({
      registry,
      gateway,
      mcpUrl,
      host: () => {
        const upstream = demoName()
        return {
          version: options.version,
          pid: process.pid,
          startedAt,
          mode: options.mode,
          configFile: configFile.file,
          demoTraffic: upstream === undefined ? null : { running: demo.running, upstream },
          closing: closing !== undefined,
        }
      },
    }),
  })
  const announce = announcer(telemetry.journal)
  const run = commandRunner(
    commandHandlers({
      registry,
      clientInfo,
      configFile,
      demo,
      hasDemo: () => demoName() !== undefined,
      snapshot: () => telemetry.snapshot(),
      points: (name) => telemetry.points(name),
      events: () => telemetry.journal.toArray(),
      mcpUrl,
      aggregateUrl: () => `${url}/mcp`,
      token: auth === 'bearer' ? token : null,
      bridge: options.watchdog && {
        command: options.watchdog.execPath,
        env: options.watchdog.env ?? {},
        args: [built.cli, 'bridge', ...bridgeOptions(options.userDataDir)],
      },
      variables,
      childPath: () => environment().PATH ?? environment().Path,
      touched: () => telemetry.touch(),
    }),
  )
  const control = controlHttp({
    token,
    rendererDir: built.renderer,
    maxBodyBytes: settings.maxBodyBytes,
    run,
    subscribe: (listener) => telemetry.frames.subscribe(listener),
    metricsContentType: telemetry.metricsContentType,
    metrics: () => telemetry.metricsText(),
  })

  const stopAll = async (timeoutMs: number) => {
    const started = performance.now()
    demo.stop()
    access.hurry()
    await removeGatewayFile(files.gateway, process.pid)
    await gateway.close({ drainMs: Math.min(requestDrainMs, timeoutMs) })
    await registry.close(Math.max(0, timeoutMs - (performance.now() - started)))
    telemetry.close()
    await tracing?.close(tracesMs)
    await guard.close()
  }

  telemetry.attachGateway(gateway)
  const tracing = await startTracing({
    environment: process.env,
    version: options.version,
    clock: systemClock,
    logger,
    peer: (connectionId) => peerOf(registry, connectionId, fill),
  })
  tracing?.attach(gateway)
  announce.started(options.version)
  try {
    ;({ url } = await gateway.listen(options.port ?? settings.port))
    await writeGatewayFile(files.gateway, { url, pid: process.pid })
    announce.listening(url)
  } catch (error) {
    // Without a window there is nobody to tell but the terminal; a window says it and goes on showing the pools.
    if (options.mode === 'serve' || !(error instanceof AppError)) {
      await stopAll(0)
      throw error
    }
    announce.gatewayFailed(error.message)
    logger.log('error', error.message)
  }
  registry.apply(configFile.config.upstreams)
  const stopWatching = watchFile(
    configFile.file,
    systemClock,
    () => void followConfig(),
    (error) => logger.log('warn', 'the config file is not watched any more', { error: error.message }),
  )

  /** A change made in an editor takes effect; a wrong one is told and changes nothing. */
  async function followConfig(): Promise<void> {
    const before = configFile.config.gateway
    try {
      if (!(await configFile.reload()) || closing) return
      const { gateway: now, upstreams } = configFile.config
      budget.setMax(now.maxConnectionsTotal)
      registry.apply(upstreams)
      announce.configRead(configFile.file)
      logger.log('info', 'the changed config is in use', { file: configFile.file })
      const fixed = (['port', 'auth', 'maxBodyBytes'] as const).filter((key) => now[key] !== before[key])
      if (fixed.length === 0) return
      announce.needsRestart(fixed)
      logger.log('warn', 'a change of the gateway takes effect at the next start', { changed: fixed.join(', ') })
    } catch (error) {
      announce.configRejected(error)
      logger.log('warn', 'the changed config is not used', { error: (error as Error).message })
    }
  }

  return {
    command: run,
    subscribe: (listener) => telemetry.frames.subscribe(listener),
    info: {
      get url() {
        return url
      },
      get dashboard() {
        return `${url}/?token=${token}`
      },
      token,
      configFile: configFile.file,
      upstreams: () => [...registry.entries()].map(({ config }) => config.name),
      mcpUrl,
      requestsInFlight: () => gateway.state().requestsInFlight,
    },
    close: ({ timeoutMs = shutdownMs } = {}) => {
      // A second wish to close is none to hurry, unless it gives less time.
      if (closing) {
        if (timeoutMs < shutdownMs) void registry.close(timeoutMs)
      } else {
        stopWatching()
        announce.closing()
        closing = stopAll(timeoutMs)
        telemetry.touch()
      }
      return closing
    },
  }
}

/** The bridge looks in the platform's own place by itself. */
const bridgeOptions = (userDataDir: string) =>
  userDataDir === defaultUserDataDir() ? [] : ['--user-data-dir', userDataDir]

async function openConfig(explicit: string | undefined, fallback: string): Promise<ConfigFile> {
  if (explicit !== undefined) return ConfigFile.load(explicit)
  return existsSync(fallback) ? ConfigFile.load(fallback) : ConfigFile.create(fallback, firstRunConfig)
}
