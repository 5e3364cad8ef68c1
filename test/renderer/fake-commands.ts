import { defaultPoolLimits, defaultTimeouts } from '../../shared/config.ts'
import type { CommandArg, CommandName, CommandResult, UpstreamSnapshot } from '../../shared/contract.ts'
import { AppError } from '../../shared/errors.ts'
import type { FakeWorld } from './fake-world.ts'

type Handlers = { [N in CommandName]: (arg: CommandArg<N>) => CommandResult<N> }
const ok = { ok: true } as const

const sessionLog = [
  'opened: POST initialize was answered with 200 (84 ms), 2025-11-25',
  'stream s1 (notifications) is open',
  'stream s1 was lost: the server closed the stream; next attempt in 200 ms',
  'stream s1 is open again, resumed after event 4711',
]

/** The contract's commands over a made-up world: each answers in its shape and changes what a person would see. */
export function fakeCommands(world: FakeWorld, token: string): Handlers {
  const upstreamOf = (name: string) => {
    const upstream = world.upstreams.get(name)
    if (!upstream) throw new AppError('UPSTREAM_NOT_FOUND', `There is no upstream called ${name}`)
    return upstream
  }
  const connectionOf = (id: string) => {
    for (const upstream of world.upstreams.values()) {
      const connection = upstream.connections.find((candidate) => candidate.id === id)
      if (connection) return { upstream, connection }
    }
    throw new AppError('CONNECTION_NOT_FOUND', `There is no connection ${id}`)
  }
  const endConnection = (id: string, message: string) => {
    const { upstream, connection } = connectionOf(id)
    world.update(upstream.name, (draft) => {
      draft.connections = draft.connections.filter((candidate) => candidate.id !== id)
      draft.stats.restartsLastHour++
    })
    world.event('connection.dead', 'warn', upstream.name, `PID ${connection.pid} ${message}`)
    return ok
  }
  const changed = (
    name: string,
    kind: Parameters<FakeWorld['event']>[0],
    message: string,
    change: Parameters<FakeWorld['update']>[1],
  ) => {
    upstreamOf(name)
    world.update(name, change)
    world.event(kind, 'info', name, message)
    return ok
  }
  const forget = (name: string) => {
    world.update(name, (draft) => {
      draft.pool.breaker = { state: 'closed', failures: 0, retryAt: null }
      draft.pool.reconnect = {
        ...draft.pool.reconnect,
        attempts: draft.pool.reconnect.attempts + 1,
        nextAt: Date.now() + 4_000,
      }
    })
    return ok
  }

  const signInState = (
    name: string,
    kind: Parameters<FakeWorld['event']>[0],
    message: string,
    view: Partial<NonNullable<UpstreamSnapshot['auth']>>,
  ) =>
    changed(name, kind, message, (draft) => {
      if (draft.auth) draft.auth = { ...draft.auth, since: Date.now(), ...view }
      if (draft.state === 'unauthorized' && view.state === 'signed-in') draft.state = 'idle'
      if (view.state === 'signed-out') draft.state = 'unauthorized'
    })

  return {
    'snapshot.get': () => world.snapshot(),
    'series.get': ({ upstream }) => ({ points: world.points.get(upstreamOf(upstream).name) ?? [] }),
    'events.list': ({ upstream, limit }) => ({
      events: world.events.filter((event) => upstream === undefined || event.upstream === upstream).slice(0, limit),
    }),
    'upstream.spawn': ({ upstream }) => {
      const { pool } = upstreamOf(upstream)
      const connection = world.spawn(upstream)
      if (!connection)
        throw new AppError('QUEUE_FULL', `${upstream} already has ${pool.max} of at most ${pool.max} connections`)
      return { connectionId: connection.id }
    },
    'upstream.drain': ({ upstream }) =>
      changed(upstream, 'connection.closing', 'Every connection is being drained', (draft) => {
        draft.connections = []
      }),
    'upstream.restart': ({ upstream }) =>
      changed(upstream, 'connection.closing', 'Rolling restart asked for by a person', (draft) => {
        for (const connection of draft.connections) {
          connection.pid = (connection.pid ?? 0) + 100
          connection.openedAt = Date.now()
          connection.served = 0
        }
      }),
    'upstream.suspend': ({ upstream }) =>
      changed(upstream, 'upstream.suspended', 'Suspended by a person', (draft) => {
        draft.pool.state = 'suspended'
        draft.state = 'suspended'
      }),
    'upstream.resume': ({ upstream }) =>
      changed(upstream, 'upstream.resumed', 'Resumed by a person', (draft) => {
        draft.pool.state = 'running'
        draft.state = 'ready'
      }),
    'upstream.retry': ({ upstream }) => forget(upstreamOf(upstream).name),
    'upstream.resetBreaker': ({ upstream }) => forget(upstreamOf(upstream).name),
    'upstream.stop': ({ upstream }) =>
      changed(upstream, 'upstream.stopped', 'Stopped by a person', (draft) => {
        draft.state = 'stopped'
        draft.enabled = false
        draft.connections = []
      }),
    'upstream.start': ({ upstream }) =>
      changed(upstream, 'upstream.started', 'Started by a person', (draft) => {
        draft.state = 'idle'
        draft.enabled = true
      }),
    'upstream.add': ({ name, entry }) => {
      if (world.upstreams.has(name))
        throw new AppError('UPSTREAM_EXISTS', `There already is an upstream called ${name}`)
      const target = 'command' in entry && entry.command !== undefined ? String(entry.command) : String(entry.url)
      world.add({
        name,
        target,
        state: 'idle',
        connections: 1,
        traffic: 0,
        perSecond: 0,
        p50Ms: 0,
        memoryMib: 40,
        max: 4,
      })
      world.event('upstream.added', 'info', name, 'Added by a person')
      return ok
    },
    'upstream.update': ({ name }) => changed(name, 'upstream.changed', 'Changed by a person', () => {}),
    'upstream.remove': ({ upstream }) => {
      upstreamOf(upstream)
      world.remove(upstream)
      world.event('upstream.removed', 'info', upstream, 'Removed by a person')
      return ok
    },
    'upstream.entry': ({ upstream }) => {
      const { transport, target, auth } = upstreamOf(upstream)
      if (transport !== 'stdio') {
        const headers = auth?.kind === 'header' ? { headers: { Authorization: 'Bearer ${STRIPE_TOKEN}' } } : {}
        const entry = { type: transport, url: target, ...headers }
        return { entry, effective: { pool: defaultPoolLimits, timeouts: defaultTimeouts } }
      }
      const [command = '', ...args] = target.split(' ')
      return { entry: { command, args }, effective: { pool: defaultPoolLimits, timeouts: defaultTimeouts } }
    },
    'upstream.check': ({ name, editing }) => ({
      findings:
        !editing && world.upstreams.has(name)
          ? [{ path: ['name'], level: 'error' as const, message: 'There already is an upstream with this name' }]
          : [],
      resolvedCommand: '/usr/bin/node',
    }),
    'connection.kill': ({ connectionId }) => endConnection(connectionId, 'was killed by a person'),
    'connection.drain': ({ connectionId }) => endConnection(connectionId, 'was drained by a person'),
    'connection.restart': ({ connectionId }) => {
      const { upstream } = connectionOf(connectionId)
      endConnection(connectionId, 'is being replaced')
      world.spawn(upstream.name)
      return ok
    },
    'connection.reconnect': ({ connectionId }) => {
      const { upstream } = connectionOf(connectionId)
      return { ok: true, streams: world.reconnect(upstream.name, connectionId) }
    },
    'upstream.signIn': ({ upstream }) => {
      const authorizationUrl = `https://auth.example.com/authorize?client_id=poolscope&state=${encodeURIComponent(upstream)}`
      signInState(upstream, 'auth.started', 'A sign-in was begun by a person', {
        state: 'waiting-for-browser',
        authorizationUrl,
        error: null,
      })
      return { authorizationUrl, opened: false }
    },
    'upstream.completeSignIn': ({ upstream, redirectUrl }) => {
      if (!redirectUrl.includes('code='))
        throw new AppError('INVALID_ARGUMENT', 'This is not the address that the sign-in ends at: it has no code')
      return signInState(upstream, 'auth.signed-in', 'Signed in', {
        state: 'signed-in',
        authorizationUrl: null,
        issuer: 'https://auth.example.com',
        scopes: ['read'],
        expiresAt: Date.now() + 3_600_000,
      })
    },
    'upstream.cancelSignIn': ({ upstream }) =>
      signInState(upstream, 'auth.failed', 'The sign-in was cancelled', {
        state: 'signed-out',
        authorizationUrl: null,
      }),
    'upstream.signOut': ({ upstream }) =>
      signInState(upstream, 'auth.signed-out', 'Signed out by a person', {
        state: 'signed-out',
        issuer: null,
        scopes: [],
        expiresAt: null,
      }),
    'logs.get': ({ connectionId }) => {
      const { connection } = connectionOf(connectionId)
      const texts =
        connection.pid === null
          ? sessionLog
          : [
              'Server running on stdio',
              '\u001b[33mwarning\u001b[0m cache is cold',
              '<b>not markup</b> <script>alert(1)</script>',
            ]
      return {
        lines: texts.map((text, seq) => ({ seq, at: connection.openedAt + seq * 900, text })),
        droppedBytes: 0,
      }
    },
    'request.send': ({ upstream, method }) => {
      const connection = upstreamOf(upstream).connections[0]
      if (!connection) throw new AppError('SPAWN_FAILED', `${upstream} has no live connection`)
      return { result: { method }, connectionId: connection.id, pid: connection.pid, queueMs: 0.1, callMs: 3.2 }
    },
    'client.connect': ({ upstream }) => {
      const { url } = upstreamOf(upstream)
      const authorization = `Bearer ${token}`
      const json = (value: unknown) => JSON.stringify(value, null, 2)
      const snippets = [
        {
          client: 'Claude Code',
          text: `claude mcp add --transport http ${upstream} ${url} --header "Authorization: ${authorization}"`,
        },
        {
          client: 'Cursor',
          text: json({ mcpServers: { [upstream]: { url, headers: { Authorization: authorization } } } }),
        },
        {
          client: 'VS Code',
          text: json({ servers: { [upstream]: { type: 'http', url, headers: { Authorization: authorization } } } }),
        },
        {
          client: 'Claude Desktop',
          text: json({
            mcpServers: {
              [upstream]: { command: '/usr/bin/node', args: ['/opt/poolscope/cli.js', 'bridge', upstream] },
            },
          }),
        },
        {
          client: 'curl',
          text: `curl -s ${url} -H 'Authorization: ${authorization}' -H 'Content-Type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`,
        },
      ]
      const all = url.replace(/\/mcp\/.*$/, '/mcp')
      return { url, authorization, snippets, aggregate: { url: all, snippets } }
    },
    'demo.traffic': ({ on }) => {
      world.demoRunning = on
      return ok
    },
  }
}
