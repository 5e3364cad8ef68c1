import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UpstreamEvents } from '../../electron/upstream/types.ts'
import { type EventRecord, eventSchema } from '../../shared/events.ts'
import type { AuthView, StreamSnapshot } from '../../shared/state.ts'
import { Bench, connectionOf, type FakeUpstream, remoteConfigOf } from './support/fixtures.ts'
import { parseMetrics } from './support/prometheus.ts'

/** Upstreams over HTTP: their streams, and how they let us in. */

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.telemetry.close())

const addRemote = (name = 'docs', change: Parameters<typeof remoteConfigOf>[1] = {}) =>
  bench.add(name, remoteConfigOf(name, change))
const events = (): EventRecord[] => bench.telemetry.journal.toArray()
const place = { connectionId: 'docs#1', streamId: 'get', kind: 'notifications' } as const
const drop = (upstream: FakeUpstream, change: Partial<UpstreamEvents['stream.dropped']> = {}) =>
  upstream.events.emit('stream.dropped', {
    ...place,
    reason: 'the connection was reset',
    code: 'CONNECTION_LOST',
    attempt: 1,
    retryInMs: 180,
    ...change,
  })
const recover = (upstream: FakeUpstream, change: Partial<UpstreamEvents['stream.recovered']> = {}) =>
  upstream.events.emit('stream.recovered', { ...place, attempts: 2, downMs: 640, resumed: true, ...change })

const authOf = (change: Partial<AuthView> = {}): AuthView => ({
  kind: 'oauth',
  state: 'not-needed',
  since: 1,
  authorizationUrl: null,
  issuer: null,
  scopes: [],
  expiresAt: null,
  storage: 'file',
  error: null,
  ...change,
})

const streamOf = (change: Partial<StreamSnapshot>): StreamSnapshot => ({
  id: 'get',
  kind: 'notifications',
  state: 'open',
  openedAt: 1,
  attempts: 0,
  nextAttemptAt: null,
  reconnects: 0,
  lastDrop: null,
  lastMessageAt: null,
  resumable: false,
  ...change,
})

describe('streams', () => {
  it('are told as they are lost, come back and are given up, with the reason and what follows', () => {
    const upstream = addRemote()
    drop(upstream)
    recover(upstream)
    drop(upstream, { code: null, reason: 'the server ended the stream' })
    upstream.events.emit('stream.stopped', { ...place, kind: 'subscription', reason: 'the server refuses it' })
    expect(events().map(({ kind, level, message }) => [kind, level, message])).toEqual([
      [
        'stream.dropped',
        'warn',
        'The stream of notifications of connection docs#1 was lost: the connection was reset; next attempt in 180 ms',
      ],
      [
        'stream.recovered',
        'info',
        'The stream of notifications of connection docs#1 is open again after 640 ms and 2 attempts, where it was lost',
      ],
      [
        'stream.dropped',
        'info',
        'The stream of notifications of connection docs#1 was lost: the server ended the stream; next attempt in 180 ms',
      ],
      ['stream.stopped', 'info', 'The subscription of connection docs#1 is not opened again: the server refuses it'],
    ])
    for (const event of events()) {
      expect(eventSchema.parse(event)).toEqual(event)
      expect(event).toMatchObject({ upstream: 'docs', connectionId: 'docs#1', pid: null, data: { stream: 'get' } })
    }
  })

  it('that drop all the time at many upstreams leave room for everything else, and every drop is accounted for', async () => {
    bench.add('files').events.emit('breaker.opened', { failures: 5, retryAfterMs: 30_000 })
    const upstreams = Array.from({ length: 50 }, (_, i) => addRemote(`remote-${i}`))
    for (let i = 0; i < 600; i++) {
      for (const upstream of upstreams) {
        drop(upstream)
        recover(upstream)
      }
      await bench.clock.advance(200)
    }
    await bench.clock.advance(10_000)
    const [first] = events()
    expect(first?.kind).toBe('breaker.opened')
    for (const kind of ['stream.dropped', 'stream.recovered']) {
      const ofKind = events().filter((event) => event.kind === kind)
      const told = ofKind.filter(({ data }) => data?.suppressed === undefined).length
      const suppressed = ofKind.reduce((sum, { data }) => sum + Number(data?.suppressed ?? 0), 0)
      expect(told + suppressed).toBe(50 * 600)
      expect(told).toBeLessThanOrEqual(12 * 13)
    }
    expect(events().find(({ data }) => data?.upstreams === 50)).toMatchObject({
      kind: 'stream.dropped',
      upstream: null,
      level: 'warn',
      message: '2238 more streams were lost, at 50 upstreams',
    })
  })

  it('of one upstream that drops all the time are summed up under its name', async () => {
    const upstream = addRemote()
    for (let i = 0; i < 40; i++) drop(upstream)
    await bench.clock.advance(10_000)
    expect(events().at(-1)).toMatchObject({ upstream: 'docs', level: 'warn', message: '34 more streams were lost' })
    expect(events()).toHaveLength(7)
  })

  it('count as reconnect attempts of their upstream', () => {
    const upstream = addRemote()
    for (let i = 0; i < 40; i++) drop(upstream)
    upstream.events.emit('reconnect.attempt', { attempt: 1 })
    expect(bench.telemetry.stats('docs').reconnectsLastHour).toBe(41)
  })
})

describe('how a server lets us in', () => {
  const story = (...states: Partial<AuthView>[]) => {
    const upstream = addRemote()
    let before: AuthView['state'] = 'not-needed'
    for (const change of states) {
      const view = authOf(change)
      upstream.events.emit('auth.changed', { view, before })
      before = view.state
    }
    return events().map(({ kind, level, message }) => `${kind} ${level}: ${message}`)
  }

  it('is told from the refusal to the sign-out, the steps between left to the panel', () => {
    expect(
      story(
        { state: 'signed-out', error: 'it answered 401' },
        { state: 'discovering' },
        { state: 'registering' },
        { state: 'waiting-for-browser', authorizationUrl: 'https://id.example/authorize?state=s3cret-state-value' },
        { state: 'exchanging' },
        { state: 'signed-in', issuer: 'https://id.example', scopes: ['read'] },
        { state: 'refreshing' },
        { state: 'signed-in', issuer: 'https://id.example' },
        { state: 'signed-out' },
      ),
    ).toEqual([
      'auth.required warn: A person has to sign in: it answered 401',
      'auth.started info: A sign-in was started',
      'auth.signed-in info: Signed in at https://id.example',
      'auth.signed-out info: Signed out',
    ])
    expect(JSON.stringify(events())).not.toContain('s3cret')
  })

  it('is told when it fails, is given up, is forbidden, or tokens are no good any more', () => {
    expect(
      story(
        { state: 'discovering' },
        { state: 'failed', error: 'no authorization server' },
        { state: 'discovering' },
        { state: 'signed-out' },
        { state: 'signed-in' },
        { state: 'refreshing' },
        { state: 'signed-out', error: 'the refresh token is no longer valid' },
        { state: 'refreshing' },
        { state: 'failed', error: 'the token endpoint answers 500' },
        { state: 'forbidden', error: 'the scope admin is missing' },
        { kind: 'header', state: 'failed', error: 'the server answered 401' },
      ),
    ).toEqual([
      'auth.started info: A sign-in was started',
      'auth.failed error: Signing in failed: no authorization server',
      'auth.started info: A sign-in was started',
      'auth.signed-out info: The sign-in was given up',
      'auth.signed-in info: Signed in',
      'auth.required warn: A person has to sign in: the refresh token is no longer valid',
      'auth.failed error: The sign-in is no longer good: the token endpoint answers 500',
      'auth.failed error: The server does not allow it: the scope admin is missing',
      'auth.failed error: The server does not let us in: the server answered 401',
    ])
  })

  it('tells a second sign-in that came to nothing as such: the tokens from before are still there', () => {
    expect(
      story(
        { state: 'signed-in' },
        { state: 'waiting-for-browser' },
        { state: 'signed-in' },
        { state: 'exchanging' },
        { state: 'signed-in', error: 'access was denied' },
      ).slice(1),
    ).toEqual([
      'auth.signed-out info: The sign-in was given up',
      'auth.failed error: Signing in again failed: access was denied',
    ])
  })

  it('is told once however often its view changes within a state', () => {
    const signedOut = { state: 'signed-out', error: 'it answered 401' } as const
    expect(story(signedOut, signedOut, signedOut)).toHaveLength(1)
  })
})

describe('words', () => {
  it('speak of connections and sessions where there is no process', () => {
    const upstream = addRemote()
    const at = { connectionId: 'docs#1', pid: null }
    const error = { code: 'CONNECTION_LOST', message: 'the server does not know the session any more (404)' } as const
    upstream.events.emit('connection.opening', { ...at, reason: 'demand' })
    upstream.events.emit('connection.closing', { ...at, reason: 'exited', error })
    const end = { forced: false, exitCode: null, signal: null, lifeMs: 61_000, served: 3 }
    upstream.events.emit('connection.dead', { ...at, ...end, reason: 'killed' })
    upstream.events.emit('reconnect.scheduled', { attempt: 2, delayMs: 800 })
    expect(bench.messages()).toEqual([
      'Connection docs#1 is opening for a waiting request',
      'Connection docs#1 is closing: its session was lost, or ended by the server (the server does not know the session any more (404))',
      'Connection docs#1 ended after 1 min and 3 requests; a person ended it',
      'Attempt 2 to connect again follows in 800 ms',
    ])
    expect(bench.messages().join()).not.toMatch(/process|kill/i)
  })

  it('never show a secret of the entry, whoever repeats it and however it is written there', () => {
    bench.telemetry.close()
    const variables: Record<string, string> = { TOKEN: 'from-the-environment-1', QUERY: 'query+secret/9' }
    bench = new Bench({
      expand: (text) => text.replace(/\$\{(\w+)\}/g, (_, name: string) => variables[name] ?? ''),
    })
    const upstream = addRemote('docs', {
      url: 'https://someone:p%40ssword-1@mcp.example/s/k3yOfAnAccount77aa11bb/mcp?api_key=${QUERY}',
      headers: { Authorization: 'Bearer ${TOKEN}', 'X-Api-Key': 'literal-secret-2', Accept: 'application/json' },
      oauth: { clientId: 'public-client', clientSecret: 'client-secret-3' },
    })
    const secrets = [
      'from-the-environment-1',
      'literal-secret-2',
      'client-secret-3',
      'p%40ssword-1',
      'p@ssword-1',
      'k3yOfAnAccount77aa11bb',
      'query+secret/9',
      'query%2Bsecret%2F9',
    ]
    const said = secrets.join(' ')
    drop(upstream, { reason: said })
    upstream.events.emit('stream.stopped', { ...place, reason: said })
    upstream.events.emit('auth.changed', { view: authOf({ state: 'failed', error: said }), before: 'exchanging' })
    upstream.fail(said)
    const at = { connectionId: 'docs#1', pid: null }
    const error = { code: 'CONNECTION_LOST', message: said } as const
    upstream.events.emit('connection.closing', { ...at, reason: 'exited', error })
    upstream.events.emit('connection.failed', { ...at, error })
    const text = JSON.stringify(events()) + bench.logged.join()
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([])
    expect(bench.messages()[3]).toBe(`tools/call echo failed after 5 ms: ${secrets.map(() => '••••').join(' ')}`)
  })

  it('keep hostile text of a server as data: one bounded line without control characters', () => {
    const upstream = addRemote()
    const hostile = `\u001b]0;owned\u0007<img src=x onerror=alert(1)>\r\n\u202egnp.exe ${'x'.repeat(100_000)}`
    drop(upstream, { reason: hostile, streamId: hostile })
    const view = authOf({ state: 'signed-in', issuer: hostile, scopes: Array(1_000).fill(hostile) })
    upstream.events.emit('auth.changed', { view, before: 'exchanging' })
    for (const event of events()) {
      expect(event.message.length).toBeLessThanOrEqual(400)
      expect(JSON.stringify(event).length).toBeLessThan(5_000)
      expect(JSON.stringify(event)).not.toMatch(/\\u001b|\\r|\u202e/)
    }
  })
})

describe('metrics', () => {
  const scrape = async () => {
    const { samples } = parseMetrics(await bench.telemetry.metricsText())
    return (name: string) =>
      Object.fromEntries(
        samples
          .filter((sample) => sample.name === name)
          .map(({ labels: { upstream: _, ...labels }, value }) => [Object.values(labels).join(' '), value]),
      )
  }

  it('count drops by kind and class of reason, and streams that came back', async () => {
    const upstream = addRemote()
    drop(upstream)
    drop(upstream, { code: 'HTTP_STATUS' })
    drop(upstream, { code: 'HTTP_STATUS' })
    drop(upstream, { code: null, kind: 'response' })
    drop(upstream, { code: 'INTERNAL', kind: 'subscription' })
    recover(upstream)
    const series = await scrape()
    expect(series('poolscope_stream_drops_total')).toEqual({
      'notifications lost': 1,
      'notifications http-status': 2,
      'response ended': 1,
      'subscription other': 1,
    })
    expect(series('poolscope_stream_reconnects_total')).toEqual({ notifications: 1 })
  })

  it('show the states of streams and of the sign-in at the scrape, and nothing of local upstreams', async () => {
    const upstream = addRemote()
    bench.add('files').connections = [connectionOf('files')]
    upstream.auth = authOf({ state: 'signed-out' })
    upstream.connections = [
      connectionOf('docs', { streams: [streamOf({}), streamOf({ kind: 'subscription', state: 'waiting' })] }),
      connectionOf('docs', { streams: [streamOf({})] }),
    ]
    const series = await scrape()
    expect(series('poolscope_streams')).toMatchObject({
      'notifications open': 2,
      'notifications waiting': 0,
      'subscription waiting': 1,
      'subscription open': 0,
    })
    expect(Object.keys(series('poolscope_streams'))).toHaveLength(12)
    const auth = series('poolscope_auth_state')
    expect(auth).toMatchObject({ 'signed-out': 1, 'signed-in': 0 })
    expect(Object.values(auth).reduce((sum, value) => sum + value, 0)).toBe(1)
  })

  it('call the transport tcp and errors by their codes', async () => {
    const upstream = addRemote()
    upstream.done({ outcome: 'unavailable', error: { code: 'UPSTREAM_UNAUTHORIZED', message: 'sign in' } })
    upstream.done({
      outcome: 'unavailable',
      error: { code: 'CONNECT_FAILED', message: 'refused', data: { code: 'ECONNREFUSED' } },
    })
    const { samples } = parseMetrics(await bench.telemetry.metricsText())
    const operations = samples.filter(({ name }) => name === 'mcp_client_operation_duration_seconds_count')
    expect(operations.map(({ labels }) => [labels.network_transport, labels.error_type]).toSorted()).toEqual([
      ['tcp', 'CONNECT_FAILED'],
      ['tcp', 'UPSTREAM_UNAUTHORIZED'],
    ])
  })

  it('go with their upstream', async () => {
    const upstream = addRemote()
    drop(upstream)
    recover(upstream)
    upstream.auth = authOf()
    upstream.connections = [connectionOf('docs', { streams: [streamOf({})] })]
    bench.remove(upstream)
    expect(await bench.telemetry.metricsText()).not.toContain('upstream="docs"')
  })
})
