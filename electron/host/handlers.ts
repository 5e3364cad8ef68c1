import type { Snapshot } from '../../shared/contract.ts'
import { AppError, type EventRecord, type Point } from '../../shared/contract.ts'
import type { ConfigFile } from '../config/config-file.ts'
import type { Variables } from '../config/expand.ts'
import { demoServerVariable } from '../config/first-run.ts'
import { parseEntry, resolveUpstream } from '../config/resolve.ts'
import { checkEntry } from './check-entry.ts'
import type { CommandHandlers } from './commands.ts'
import { type BridgeCommand, connectInfo } from './connect-info.ts'
import type { DemoTraffic } from './demo-traffic.ts'
import type { Registry } from './registry.ts'
import { sendRequest } from './send-request.ts'

export interface HandlerContext {
  registry: Registry
  configFile: ConfigFile
  demo: DemoTraffic
  hasDemo(): boolean
  snapshot(): Snapshot
  points(upstream: string): Point[]
  events(): EventRecord[]
  mcpUrl(upstream: string): string
  /** All upstreams behind one. */
  aggregateUrl(): string
  token: string | null
  /** Undefined: there is no Node that could run the bridge. */
  bridge: BridgeCommand | undefined
  /** How the host introduces itself to servers. */
  clientInfo: { name: string; version: string }
  variables: Variables
  childPath(): string | undefined
  /** What the host's own state shows changed without an event of an upstream. */
  touched(): void
}

const ok = { ok: true } as const

export function commandHandlers(host: HandlerContext): CommandHandlers {
  const { registry, configFile, demo } = host

  /** The config file is the truth; what runs follows it. */
  const applied = async (edit: Promise<void>) => {
    await edit
    registry.apply(configFile.config.upstreams)
    return ok
  }
  const setEnabled = (name: string, enabled: boolean) => {
    const entry = configFile.entry(name)
    registry.config(name)
    const usesDisabled = entry?.disabled !== undefined && entry.enabled === undefined
    return applied(
      usesDisabled ? configFile.setKey(name, 'disabled', !enabled) : configFile.setKey(name, 'enabled', enabled),
    )
  }
  const checked = (name: string, entry: Record<string, unknown>) => {
    try {
      resolveUpstream(name, parseEntry(entry, ['entry']), {}, ['entry'])
    } catch (error) {
      if (error instanceof AppError) throw new AppError('INVALID_ARGUMENT', error.message, error.data, { cause: error })
      throw error
    }
  }
  const evict = (connectionId: string, how: 'kill' | 'drain' | 'restart') => {
    if (!registry.ownerOf(connectionId).evict(connectionId, how)) {
      throw new AppError('CONNECTION_NOT_FOUND', `${connectionId} has ended`, { connectionId })
    }
    return ok
  }

  const signInOf = (name: string) => {
    const { signIn } = registry.running(name)
    if (signIn) return signIn
    throw new AppError(
      'INVALID_ARGUMENT',
      `${name} has no sign-in: it is local, or its configuration says how it is let in`,
    )
  }

  return {
    'snapshot.get': () => host.snapshot(),
    'series.get': ({ upstream }) => {
      registry.config(upstream)
      return { points: host.points(upstream) }
    },
    'events.list': ({ upstream, limit = 100 }) => ({
      events: host
        .events()
        .filter((event) => upstream === undefined || event.upstream === upstream)
        .reverse()
        .slice(0, limit),
    }),
    'upstream.spawn': ({ upstream }) => ({ connectionId: registry.running(upstream).spawn() }),
    'upstream.drain': ({ upstream }) => {
      registry.running(upstream).drain()
      return ok
    },
    'upstream.restart': ({ upstream }) => {
      registry.running(upstream).restart()
      return ok
    },
    'upstream.suspend': ({ upstream }) => {
      registry.running(upstream).suspend()
      return ok
    },
    'upstream.resume': ({ upstream }) => {
      registry.running(upstream).resume()
      return ok
    },
    'upstream.retry': ({ upstream }) => {
      registry.running(upstream).retry()
      return ok
    },
    'upstream.resetBreaker': ({ upstream }) => {
      registry.running(upstream).resetBreaker()
      return ok
    },
    'upstream.stop': ({ upstream }) => setEnabled(upstream, false),
    'upstream.start': ({ upstream }) => setEnabled(upstream, true),
    'upstream.add': ({ name, entry }) => {
      if (registry.has(name))
        throw new AppError('UPSTREAM_EXISTS', `there is an upstream "${name}" already`, { upstream: name })
      checked(name, entry)
      return applied(configFile.setEntry(name, entry)).then((done) => {
        // Started at once: whether it works is seen now, and not with the first request.
        const added = registry.get(name)
        if (added?.config.pool.minIdle === 0) added.spawn()
        return done
      })
    },
    'upstream.update': ({ name, entry }) => {
      registry.config(name)
      checked(name, entry)
      return applied(configFile.setEntry(name, entry))
    },
    'upstream.remove': ({ upstream }) => {
      registry.config(upstream)
      return applied(configFile.removeEntry(upstream))
    },
    'upstream.entry': ({ upstream }) => {
      const { pool, timeouts } = registry.config(upstream)
      return { entry: configFile.entry(upstream) ?? {}, effective: { pool, timeouts } }
    },
    'upstream.check': ({ name, entry, editing }) =>
      checkEntry({
        name,
        entry,
        nameTaken: !editing && registry.has(name),
        namePinned: editing ?? false,
        variables: host.variables,
        path: host.childPath(),
      }),
    'connection.kill': ({ connectionId }) => evict(connectionId, 'kill'),
    'connection.drain': ({ connectionId }) => evict(connectionId, 'drain'),
    'connection.restart': ({ connectionId }) => evict(connectionId, 'restart'),
    'connection.reconnect': ({ connectionId }) => {
      const streams = registry.ownerOf(connectionId).reconnect(connectionId)
      if (streams !== undefined) return { ok: true, streams }
      throw new AppError('CONNECTION_NOT_FOUND', `${connectionId} has ended`, { connectionId })
    },
    'upstream.signIn': ({ upstream }) => signInOf(upstream).signIn(),
    'upstream.completeSignIn': async ({ upstream, redirectUrl }) => {
      await signInOf(upstream).completeSignIn(redirectUrl)
      return ok
    },
    'upstream.cancelSignIn': ({ upstream }) => {
      signInOf(upstream).cancelSignIn()
      return ok
    },
    'upstream.signOut': async ({ upstream }) => {
      await signInOf(upstream).signOut()
      return ok
    },
    'logs.get': ({ connectionId }) => {
      const logs = registry.logs(connectionId)
      if (logs) return logs
      throw new AppError('CONNECTION_NOT_FOUND', `there is no connection ${connectionId}, or it ended too long ago`, {
        connectionId,
      })
    },
    'request.send': ({ upstream, ...request }) => sendRequest(registry.running(upstream), host.clientInfo, request),
    'client.connect': ({ upstream }) => {
      registry.config(upstream)
      const urls = { url: host.mcpUrl(upstream), aggregateUrl: host.aggregateUrl() }
      return connectInfo(upstream, urls, host.token, host.bridge)
    },
    'demo.traffic': ({ on }) => {
      if (on && !host.hasDemo()) {
        const message = `no upstream runs the demo server (args: ["\${${demoServerVariable}}"])`
        throw new AppError('UPSTREAM_NOT_FOUND', message)
      }
      if (on) demo.start()
      else demo.stop()
      host.touched()
      return ok
    },
  }
}
