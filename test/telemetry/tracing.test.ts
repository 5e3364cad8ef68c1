import { resolve } from 'node:path'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, onTestFinished, test } from 'vitest'
import { tracingSettings } from '../../electron/telemetry/tracing/settings.ts'
import { type Peer, recordSpans, type ServedRequest } from '../../electron/telemetry/tracing/spans.ts'
import { startHttpServer } from '../fixtures/http/index.ts'
import { serve } from '../support/serve.ts'
import { startCollector, valuesOf } from './support/collector.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

describe('what the variables ask for', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }

  test.each([
    ['nothing', {}],
    ['an exporter other than otlp', { ...endpoint, OTEL_TRACES_EXPORTER: 'console' }],
    ['none', { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }],
    ['a disabled SDK', { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }],
    ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
    ['an endpoint for metrics only', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:4318' }],
  ])('%s: no traces', (_, environment) => {
    expect(tracingSettings(environment)).toBeUndefined()
  })

  test.each([
    ['an endpoint', endpoint],
    ['an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }],
    ['the exporter alone: its endpoint has a default', { OTEL_TRACES_EXPORTER: 'otlp' }],
  ])('%s: traces over http/protobuf, of everything that the caller traces or that begins here', (_, environment) => {
    expect(tracingSettings(environment)).toEqual({
      protocol: 'http/protobuf',
      sampler: { name: 'parentbased_always_on', argument: 1 },
      batch: {},
    })
  })

  test('protocol, sampler and batches', () => {
    const environment = {
      ...endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_BSP_MAX_QUEUE_SIZE: 'many',
    }
    expect(tracingSettings(environment)).toEqual({
      protocol: 'http/json',
      sampler: { name: 'traceidratio', argument: 0.25 },
      batch: { scheduledDelayMillis: 200 },
    })
  })

  test('what can not be had is said', () => {
    expect(tracingSettings({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toHaveProperty('problem')
    expect(tracingSettings({ ...endpoint, OTEL_TRACES_SAMPLER: 'sometimes' })).toHaveProperty('problem')
  })
})

describe('spans of a request that was served', () => {
  const record = (served: Partial<ServedRequest>, peer: Peer | undefined = { transport: 'pipe' }) => {
    const exporter = new InMemorySpanExporter()
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
    const whole: ServedRequest = {
      upstream: 'demo',
      method: 'tools/call',
      tool: 'echo',
      outcome: 'ok',
      errorType: null,
      durationMs: 30,
      protocolVersion: '2026-07-28',
      request: { id: '"a\\"b"', paramsValue: { name: 'echo', _meta: { traceparent, tracestate: 'vendor=1' } } },
      reply: { connectionId: 'c1', timing: { queueMs: 10, coldStart: false, callMs: 15, attempts: 1 } },
      ...served,
    }
    recordSpans(provider.getTracer('test'), whole, 1_700_000_000_000, peer)
    return exporter.getFinishedSpans()
  }
  const find = (spans: ReturnType<typeof record>, kind: SpanKind) => {
    const span = spans.find((it) => it.kind === kind)
    if (!span) throw new Error(`There is no span of kind ${kind}`)
    return span
  }

  test("ours is a child of the client's, and the call of the upstream a child of ours", () => {
    const spans = record({})
    const [server, client] = [find(spans, SpanKind.SERVER), find(spans, SpanKind.CLIENT)]
    expect(spans).toHaveLength(2)
    expect(server.spanContext().traceId).toBe(traceId)
    expect(server.parentSpanContext).toMatchObject({ spanId: 'b7ad6b7169203331', isRemote: true })
    expect(server.spanContext().traceState?.serialize()).toBe('vendor=1')
    expect(client.parentSpanContext?.spanId).toBe(server.spanContext().spanId)
    expect([server.name, client.name]).toEqual(['tools/call echo', 'tools/call echo'])
    const millis = ([seconds, nanos]: [number, number]) => Math.round(seconds * 1000 + nanos / 1e6) - 1_700_000_000_000
    expect([millis(server.startTime), millis(server.endTime)]).toEqual([-30, 0])
    expect([millis(client.startTime), millis(client.endTime)]).toEqual([-20, -5])
  })

  test("attributes are those of OpenTelemetry's conventions for MCP", () => {
    const spans = record({ errorType: '-32602', outcome: 'protocol_error' })
    const common = {
      'mcp.method.name': 'tools/call',
      'mcp.protocol.version': '2026-07-28',
      'gen_ai.tool.name': 'echo',
      'gen_ai.operation.name': 'execute_tool',
      'jsonrpc.request.id': 'a"b',
      'error.type': '-32602',
      'rpc.response.status_code': '-32602',
      'poolscope.upstream': 'demo',
    }
    expect(find(spans, SpanKind.SERVER).attributes).toEqual({
      ...common,
      'network.transport': 'tcp',
      'network.protocol.name': 'http',
    })
    expect(find(spans, SpanKind.CLIENT).attributes).toMatchObject({ ...common, 'network.transport': 'pipe' })
    expect(spans.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR])
  })

  test('a call of a remote server tells where it is, and ours does not', () => {
    const spans = record({}, { transport: 'tcp', address: 'mcp.example', port: 443 })
    const remote = { 'network.transport': 'tcp', 'server.address': 'mcp.example', 'server.port': 443 }
    expect(find(spans, SpanKind.CLIENT).attributes).toMatchObject(remote)
    expect(find(spans, SpanKind.SERVER).attributes).not.toHaveProperty('server.address')
  })

  test('a tool that failed is an error without a code; a resource and a prompt are named', () => {
    const [failed] = record({ errorType: 'tool_error', outcome: 'tool_error', reply: null })
    expect(failed?.attributes).toMatchObject({ 'error.type': 'tool_error' })
    expect(failed?.attributes).not.toHaveProperty('rpc.response.status_code')
    const request = (paramsValue: unknown) => ({ tool: null, reply: null, request: { id: '7', paramsValue } })
    const [read] = record({ method: 'resources/read', ...request({ uri: 'test://a' }) })
    expect(read).toMatchObject({ name: 'resources/read', attributes: { 'mcp.resource.uri': 'test://a' } })
    const [prompt] = record({ method: 'prompts/get', ...request({ name: 'greet' }) })
    expect(prompt).toMatchObject({ name: 'prompts/get greet', attributes: { 'gen_ai.prompt.name': 'greet' } })
  })

  test.each([
    ['none', {}],
    ['one that is none', { traceparent: 'nonsense' }],
    ['one of another type', { traceparent: 7 }],
  ])('a trace begins here when the client sends %s', (_, _meta) => {
    const [span] = record({ reply: null, request: { id: '1', paramsValue: { _meta } } })
    expect(span?.parentSpanContext).toBeUndefined()
    expect(span?.spanContext().traceId).not.toBe(traceId)
  })

  test('what the client does not sample is not sampled here', () => {
    const _meta = { traceparent: traceparent.replace(/01$/, '00') }
    expect(record({ request: { id: '1', paramsValue: { _meta } } })).toEqual([])
  })
})

describe('a host', () => {
  const fixture = resolve(import.meta.dirname, '../conformance/fixture/server.ts')
  const local = { command: process.execPath, args: [fixture, 'stdio', '--era', 'both'] }
  const withoutOtel = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')))

  async function started(env: Record<string, string> = {}, entry: Record<string, unknown> = local) {
    const served = await serve({ config: { mcpServers: { fixture: entry } }, env: { ...withoutOtel, ...env } })
    let stopped: ReturnType<typeof served.stop> | undefined
    const stop = () => {
      stopped ??= served.stop()
      return stopped
    }
    onTestFinished(async () => void (await stop()))
    const call = async (tool: string, meta: Record<string, unknown>) => {
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        ...meta,
      }
      const body = { jsonrpc: '2.0', id: 'call-1', method: 'tools/call', params: { name: tool, arguments: {}, _meta } }
      const response = await fetch(served.ready.mcp.fixture ?? '', {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${served.ready.token}`,
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
          'MCP-Protocol-Version': '2026-07-28',
          'Mcp-Method': 'tools/call',
          'Mcp-Name': tool,
        },
        body: JSON.stringify(body),
      })
      return (await response.json()) as { result: { content: { text: string }[] } }
    }
    return { served, call, stop }
  }

  test('passes trace context on untouched, whether it traces itself or not', async () => {
    const collector = await startCollector()
    const context = { traceparent, tracestate: 'vendor=1,other=2', baggage: 'user=42' }
    const tracing: Record<string, string> = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
    for (const env of [{}, tracing]) {
      const { call } = await started(env)
      const { result } = await call('test_meta', context)
      expect(JSON.parse(result.content[0]?.text ?? '')).toMatchObject(context)
    }
  })

  test('exports what it served over OTLP, and at its end what is left', async () => {
    const collector = await startCollector()
    const { call, stop } = await started({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=mine',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    })
    await call('test_simple_text', { traceparent })
    await call('test_error_handling', {})
    expect(collector.requests).toEqual([])
    await stop()
    expect(collector.requests[0]).toMatchObject({ url: '/v1/traces', headers: { 'x-tenant': 'mine' } })
    expect(valuesOf(collector.resources()[0]?.attributes ?? [])).toMatchObject({
      'service.name': 'poolscope',
      'deployment.environment.name': 'test',
    })
    const spans = collector.spans()
    const server = spans.find(
      ({ name, kind }) => name === 'tools/call test_simple_text' && kind === SpanKind.SERVER + 1,
    )
    const client = spans.find(({ parentSpanId }) => parentSpanId === server?.spanId)
    expect(server).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' })
    expect(client).toMatchObject({ traceId, name: 'tools/call test_simple_text', kind: SpanKind.CLIENT + 1 })
    expect(valuesOf(server?.attributes ?? [])).toMatchObject({
      'mcp.method.name': 'tools/call',
      'jsonrpc.request.id': 'call-1',
      'poolscope.upstream': 'fixture',
    })
    const failed = spans.find(({ name }) => name === 'tools/call test_error_handling')
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR)
    expect(failed?.traceId).not.toBe(traceId)
  })

  test('tells where a remote server is, and nothing of its URL or credentials; the trace context gets there', async () => {
    const collector = await startCollector()
    const server = await startHttpServer({ eras: ['modern'] })
    onTestFinished(() => server.close())
    const remote = { url: `${server.url}?api_key=url-secret-1`, headers: { 'X-Api-Key': 'header-secret-2' } }
    const { call, stop } = await started(
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
      remote,
    )
    await call('echo', { traceparent })
    await stop()
    const client = collector.spans().find(({ kind }) => kind === SpanKind.CLIENT + 1)
    expect(client).toMatchObject({ traceId, name: 'tools/call echo' })
    expect(valuesOf(client?.attributes ?? [])).toMatchObject({
      'network.transport': 'tcp',
      'server.address': '127.0.0.1',
    })
    expect(String(valuesOf(client?.attributes ?? [])['server.port'])).toBe(String(server.port))
    const sent = server.records.requests.find(({ method }) => method === 'tools/call')
    expect(sent?.body).toContain(`"traceparent":"${traceparent}"`)
    expect(sent?.headers['x-api-key']).toBe('header-secret-2')
    const exported = collector.requests.map(({ body }) => body.toString()).join()
    expect(exported).not.toMatch(/url-secret|header-secret/)
  })

  test('speaks protobuf unless told otherwise', async () => {
    const collector = await startCollector()
    const { call, stop } = await started({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'my-gateway',
    })
    await call('test_simple_text', {})
    await stop()
    expect(collector.requests[0]?.headers['content-type']).toBe('application/x-protobuf')
    expect(collector.requests[0]?.body.toString('latin1')).toContain('my-gateway')
    expect(collector.requests[0]?.body.toString('latin1')).toContain('tools/call test_simple_text')
  })

  test('a collector that is away costs nothing but a line in the log', async () => {
    const { served, call, stop } = await started({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    })
    expect((await call('test_simple_text', {})).result.content).toHaveLength(1)
    expect(await stop()).toEqual({ code: 0, signal: null })
    expect(served.stderr()).toContain('some traces were lost')
  })
})
