import { register } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GatewayEvents } from '../../electron/gateway/types.ts'
import { Bench, connectionOf, poolOf } from './support/fixtures.ts'
import { parseMetrics, type Sample } from './support/prometheus.ts'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.telemetry.close())

const scrape = async () => parseMetrics(await bench.telemetry.metricsText())

function sampleValue(samples: Sample[], name: string, labels: Record<string, string> = {}): number | undefined {
  const found = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  expect(found.length, `${name} ${JSON.stringify(labels)}`).toBeLessThanOrEqual(1)
  return found[0]?.value
}

const served = (change: Partial<GatewayEvents['request.done']> = {}) =>
  bench.gateway.events.emit('request.done', {
    upstream: 'files',
    method: 'tools/call',
    tool: 'echo',
    outcome: 'ok',
    errorType: null,
    durationMs: 4,
    protocolVersion: '2025-11-25',
    request: { id: '1', paramsValue: undefined },
    reply: null,
    ...change,
  })

describe('metrics', () => {
  it('have every fixed name, with its type, before anything happened', async () => {
    bench.add('files')
    const { types, samples } = await scrape()
    expect(Object.fromEntries(types)).toMatchObject({
      poolscope_pool_connections: 'gauge',
      poolscope_pool_max_connections: 'gauge',
      poolscope_pool_waiting: 'gauge',
      poolscope_pool_return_queue_depth: 'gauge',
      poolscope_pool_quarantined_connections: 'gauge',
      poolscope_pool_acquires_total: 'counter',
      poolscope_pool_acquire_wait_seconds: 'histogram',
      poolscope_connections_opened_total: 'counter',
      poolscope_connections_closed_total: 'counter',
      poolscope_reconnect_attempts_total: 'counter',
      poolscope_requests_total: 'counter',
      poolscope_processes_forced_kill_total: 'counter',
      poolscope_process_spawn_blocking_seconds: 'histogram',
      poolscope_leases_leaked_total: 'counter',
      poolscope_leases_revoked_total: 'counter',
      poolscope_event_loop_lag_seconds: 'gauge',
      mcp_server_operation_duration_seconds: 'histogram',
      mcp_client_operation_duration_seconds: 'histogram',
      mcp_server_session_duration_seconds: 'histogram',
    })
    for (const result of ['granted', 'timed-out', 'aborted', 'rejected']) {
      expect(sampleValue(samples, 'poolscope_pool_acquires_total', { upstream: 'files', result })).toBe(0)
    }
    expect(sampleValue(samples, 'poolscope_processes_forced_kill_total', { upstream: 'files' })).toBe(0)
    expect(bench.telemetry.metricsContentType).toMatch(/^text\/plain; version=0\.0\.4/)
  })

  it('show the pool as it is at the scrape', async () => {
    const upstream = bench.add('files')
    upstream.pool = poolOf({
      max: 7,
      waiting: 3,
      oldestWaitMs: 1_500,
      returnQueueDepth: 2,
      quarantined: 1,
      breaker: { state: 'open', failures: 5, retryAt: 9 },
    })
    upstream.connections = [
      connectionOf('files', { id: 'a', state: 'leased' }),
      connectionOf('files', { id: 'b', state: 'leased' }),
      connectionOf('files', { id: 'c', state: 'handshaking' }),
      connectionOf('files', { id: 'd', state: 'dead' }),
    ]
    bench.gatewayState = { ...bench.gatewayState, sessions: 4, requestsInFlight: 2 }
    const { samples } = await scrape()
    const files = { upstream: 'files' }
    expect(sampleValue(samples, 'poolscope_pool_connections', { ...files, state: 'leased' })).toBe(2)
    expect(sampleValue(samples, 'poolscope_pool_connections', { ...files, state: 'handshaking' })).toBe(1)
    expect(sampleValue(samples, 'poolscope_pool_connections', { ...files, state: 'idle' })).toBe(0)
    expect(sampleValue(samples, 'poolscope_pool_connections', { ...files, state: 'dead' })).toBeUndefined()
    expect(sampleValue(samples, 'poolscope_pool_max_connections', files)).toBe(7)
    expect(sampleValue(samples, 'poolscope_pool_waiting', files)).toBe(3)
    expect(sampleValue(samples, 'poolscope_pool_oldest_wait_seconds', files)).toBe(1.5)
    expect(sampleValue(samples, 'poolscope_pool_return_queue_depth', files)).toBe(2)
    expect(sampleValue(samples, 'poolscope_pool_quarantined_connections', files)).toBe(1)
    expect(sampleValue(samples, 'poolscope_breaker_state', { ...files, state: 'open' })).toBe(1)
    expect(sampleValue(samples, 'poolscope_breaker_state', { ...files, state: 'closed' })).toBe(0)
    expect(sampleValue(samples, 'poolscope_gateway_sessions')).toBe(4)
    expect(sampleValue(samples, 'poolscope_gateway_requests_in_flight')).toBe(2)
  })

  it('count what upstreams tell', async () => {
    const upstream = bench.add('files')
    const { events } = upstream
    const place = { connectionId: 'c1', pid: 7 }
    events.emit('acquire.settled', { result: 'granted', waitMs: 20 })
    events.emit('acquire.settled', { result: 'timed-out', waitMs: 30_000 })
    events.emit('connection.opening', { ...place, reason: 'replace' })
    events.emit('connection.ready', { ...place, connectMs: 340, spawnBlockedMs: 3 })
    events.emit('connection.failed', { ...place, error: { code: 'SPAWN_FAILED', message: 'x' } })
    events.emit('connection.dead', {
      ...place,
      reason: 'killed',
      forced: true,
      exitCode: null,
      signal: 'SIGKILL',
      lifeMs: 1,
      served: 0,
    })
    events.emit('reconnect.attempt', { attempt: 1 })
    events.emit('lease.leak', { connectionId: 'c1', heldMs: 1, stack: null })
    events.emit('lease.revoked', { connectionId: 'c1', heldMs: 1 })
    events.emit('lease.reclaimed', { connectionId: 'c1' })
    events.emit('breaker.opened', { failures: 5, retryAfterMs: 1 })
    events.emit('line.invalid', { connectionId: 'c1', head: 'hello' })
    events.emit('maintenance.error', { error: new Error('x') })
    upstream.done()
    upstream.done({ method: 'tools/list', tool: null, outcome: 'lost' })
    const { samples } = await scrape()
    const files = { upstream: 'files' }
    const total = (name: string, labels = {}) => sampleValue(samples, name, { ...files, ...labels })
    expect(total('poolscope_pool_acquires_total', { result: 'granted' })).toBe(1)
    expect(total('poolscope_pool_acquires_total', { result: 'timed-out' })).toBe(1)
    expect(total('poolscope_pool_acquire_wait_seconds_sum')).toBeCloseTo(30.02)
    expect(total('poolscope_pool_acquire_wait_seconds_bucket', { le: '0.05' })).toBe(1)
    expect(total('poolscope_connections_opened_total', { reason: 'replace' })).toBe(1)
    expect(total('poolscope_connections_closed_total', { reason: 'killed' })).toBe(1)
    expect(total('poolscope_connection_connect_seconds_sum')).toBeCloseTo(0.34)
    expect(total('poolscope_process_spawn_blocking_seconds_sum')).toBeCloseTo(0.003)
    expect(total('poolscope_requests_total', { method: 'tools/call', outcome: 'ok' })).toBe(1)
    expect(total('poolscope_requests_total', { method: 'tools/list', outcome: 'lost' })).toBe(1)
    for (const name of [
      'connect_failures',
      'processes_forced_kill',
      'reconnect_attempts',
      'lease_leak_warnings',
      'leases_revoked',
      'leases_leaked',
      'breaker_opened',
      'invalid_lines',
      'pool_maintenance_errors',
    ]) {
      expect(total(`poolscope_${name}_total`), name).toBe(1)
    }
    expect(bench.logged).toContain('a maintenance loop failed')
  })

  it('carry the durations under the OpenTelemetry names, on both sides', async () => {
    const upstream = bench.add('files')
    upstream.serverInfo = { name: 's', version: '1', protocolVersion: '2025-06-18' }
    upstream.events.emit('connection.ready', { connectionId: 'c1', pid: 7, connectMs: 1, spawnBlockedMs: 1 })
    upstream.done({ totalMs: 4 })
    upstream.done({ outcome: 'tool_error', totalMs: 5, callMs: 4 })
    upstream.done({ outcome: 'timeout', error: { code: 'RESPONSE_TIMEOUT', message: 'x' }, totalMs: 60_000 })
    upstream.done({ outcome: 'unavailable', connectionId: null, error: { code: 'QUEUE_FULL', message: 'x' } })
    served()
    served({ outcome: 'protocol_error', errorType: '-32602' })
    bench.gateway.events.emit('session.closed', {
      session: 1,
      upstream: 'files',
      reason: 'deleted',
      lifeMs: 5_000,
      requests: 1,
    })
    bench.gateway.events.emit('request.rejected', { status: 403, reason: 'Origin' })
    const { samples } = await scrape()
    const client = 'mcp_client_operation_duration_seconds_count'
    const call = {
      upstream: 'files',
      mcp_method_name: 'tools/call',
      gen_ai_tool_name: 'echo',
      network_transport: 'pipe',
      mcp_protocol_version: '2025-06-18',
    }
    const clientSide = samples.filter(({ name }) => name === client)
    expect(clientSide.map(({ labels }) => labels)).toEqual([
      call,
      { ...call, error_type: 'tool_error' },
      { ...call, error_type: 'RESPONSE_TIMEOUT' },
    ])
    // The queue is not the upstream's: 4 ms of the call, not the 5 ms of the whole.
    expect(sampleValue(samples, 'mcp_client_operation_duration_seconds_sum', { error_type: 'tool_error' })).toBe(0.004)
    const server = 'mcp_server_operation_duration_seconds'
    const tcp = { ...call, network_transport: 'tcp', mcp_protocol_version: '2025-11-25' }
    expect(samples.filter(({ name }) => name === `${server}_count`).map(({ labels }) => labels)).toEqual([
      tcp,
      { ...tcp, error_type: '-32602' },
    ])
    const bounds = samples
      .filter(({ name, labels }) => name === `${server}_bucket` && labels.error_type === undefined)
      .map(({ labels }) => labels.le)
    expect(bounds.join(' ')).toBe('0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10 30 60 120 300 +Inf')
    expect(sampleValue(samples, 'mcp_server_session_duration_seconds_sum', { upstream: 'files' })).toBe(5)
    expect(sampleValue(samples, 'poolscope_gateway_rejected_total', { status: '403' })).toBe(1)
  })

  it('stay bounded under any number of methods, tools, errors and versions that a client makes up', async () => {
    const upstream = bench.add('files')
    for (let i = 0; i < 3_000; i++) {
      upstream.done({ method: `m${i}`, tool: `t${i}` })
      served({ tool: `t${i}`, errorType: `${i}`, protocolVersion: `v${i}`, outcome: 'protocol_error' })
    }
    const { samples } = await scrape()
    const distinct = (label: string) => new Set(samples.map(({ labels }) => labels[label])).size
    expect(distinct('method')).toBeLessThanOrEqual(53)
    expect(distinct('gen_ai_tool_name')).toBeLessThanOrEqual(103)
    expect(distinct('error_type')).toBeLessThanOrEqual(34)
    expect(distinct('mcp_protocol_version')).toBeLessThanOrEqual(12)
    expect(samples.length).toBeLessThan(15_000)
    const requests = samples.filter(({ name }) => name === 'poolscope_requests_total')
    expect(requests.reduce((sum, { value }) => sum + value, 0)).toBe(3_000)
    const operations = samples.filter(({ name }) => name === 'mcp_server_operation_duration_seconds_count')
    expect(operations.reduce((sum, { value }) => sum + value, 0)).toBe(3_000)
    expect(requests.some(({ labels }) => labels.method === 'other')).toBe(true)
  })

  it('take no hostile text as a label, and stay well formed', async () => {
    const upstream = bench.add('Dürer @home/x')
    upstream.serverInfo = { name: 's', version: '1', protocolVersion: '"} 1\nfake_metric 1' }
    upstream.events.emit('connection.ready', { connectionId: 'c1', pid: 7, connectMs: 1, spawnBlockedMs: 1 })
    for (const text of ['a"b', 'a\nb', 'a\\b', 'x,upstream:y', '', 'z'.repeat(500), '\u001b[31m', '__proto__']) {
      upstream.done({ method: text, tool: text })
    }
    const { samples } = await scrape()
    expect(samples.map(({ name }) => name)).not.toContain('fake_metric')
    const methods = new Set(
      samples.filter(({ name }) => name === 'poolscope_requests_total').map(({ labels }) => labels.method),
    )
    expect([...methods].sort()).toEqual(['__proto__', 'other'])
    expect(sampleValue(samples, 'poolscope_pool_max_connections', { upstream: 'Dürer @home/x' })).toBe(4)
  })

  it('of a removed upstream go once its last process is gone, and begin at zero when it comes back', async () => {
    const upstream = bench.add('files')
    const stays = bench.add('other')
    const busy = (target: typeof upstream) => {
      target.done()
      target.events.emit('acquire.settled', { result: 'granted', waitMs: 1 })
      target.events.emit('connection.opening', { connectionId: 'c1', pid: 7, reason: 'demand' })
      target.events.emit('connection.ready', { connectionId: 'c1', pid: 7, connectMs: 1, spawnBlockedMs: 1 })
    }
    busy(upstream)
    busy(stays)
    for (let i = 0; i < 400; i++) upstream.done({ method: `m${i % 20}`, tool: `t${Math.floor(i / 20)}` })
    served()
    expect((await scrape()).samples.filter(({ labels }) => labels.upstream === 'files').length).toBeGreaterThan(5_000)
    bench.sources.splice(0, 1)
    upstream.events.emit('connection.dead', {
      connectionId: 'c1',
      pid: 7,
      reason: 'upstream-removed',
      forced: false,
      exitCode: 0,
      signal: null,
      lifeMs: 1,
      served: 1,
    })
    const closing = await scrape()
    expect(sampleValue(closing.samples, 'poolscope_connections_closed_total', { upstream: 'files' })).toBe(1)
    upstream.detach()
    const gone = await scrape()
    expect(gone.samples.filter(({ labels }) => labels.upstream === 'files')).toEqual([])
    expect(sampleValue(gone.samples, 'poolscope_requests_total', { upstream: 'other' })).toBe(1)
    // A request that was under way at the gateway brings no series back.
    served()
    expect((await scrape()).samples.filter(({ labels }) => labels.upstream === 'files')).toEqual([])
    bench.add('files').done()
    const back = await scrape()
    expect(sampleValue(back.samples, 'poolscope_requests_total', { upstream: 'files' })).toBe(1)
  })

  it('keep counting over a stop and a start', async () => {
    const upstream = bench.add('files')
    upstream.done()
    bench.sources[0] = { upstream: null, config: upstream.config, enabled: false, target: 'x', url: '/mcp/files' }
    upstream.detach()
    await bench.clock.advance(5_000)
    bench.sources.length = 0
    bench.add('files').done()
    const { samples } = await scrape()
    expect(sampleValue(samples, 'poolscope_requests_total', { upstream: 'files' })).toBe(2)
    expect(bench.telemetry.stats('files').requests).toBe(2)
  })

  it('live in a registry of their own', async () => {
    bench.add('files')
    const other = new Bench()
    other.add('other')
    const names = new Set((await scrape()).samples.map(({ labels }) => labels.upstream))
    expect(names).toEqual(new Set(['files', undefined]))
    expect(await register.metrics()).toBe('\n')
    other.telemetry.close()
  })

  it('tell the longest delay of the event loop in the last minute, closely watched while someone looks', async () => {
    bench.add('files')
    await bench.clock.advance(1_000)
    await bench.clock.stall(1_250)
    expect(bench.telemetry.eventLoopLagMs).toBe(250)
    await bench.clock.advance(30_000)
    expect(bench.telemetry.eventLoopLagMs).toBe(0)
    const lag = async () => sampleValue((await scrape()).samples, 'poolscope_event_loop_lag_seconds')
    expect(bench.monitor.enabled).toBe(false)
    expect(await lag()).toBe(0.25)
    expect(bench.monitor.enabled).toBe(true)
    bench.monitor.max = 520e6
    await bench.clock.advance(1_000)
    expect(await lag()).toBe(0.5)
    await bench.clock.advance(61_000)
    expect(await lag()).toBe(0)
    await bench.clock.advance(130_000)
    expect(bench.monitor.enabled).toBe(false)
  })
})
