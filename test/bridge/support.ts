import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { Bridge, type BridgeOptions } from '../../electron/bridge/bridge.ts'
import type { BridgeLimits, Locate } from '../../electron/bridge/types.ts'
import { silentLogger } from '../../electron/kit/logger.ts'

export interface Started {
  /** Sends a line; an object as its JSON. */
  send(message: unknown): void
  /** The next line of the bridge, as it stands. */
  nextText(): Promise<string>
  next(): Promise<Record<string, unknown>>
  /** Lines that nobody has asked for yet. */
  readonly unread: string[]
  /** Closes the client's side and waits for the bridge. */
  end(): Promise<void>
}

/** A bridge in this process, between a test and a gateway. */
export function startBridge(
  locate: Locate | string,
  limits: Partial<BridgeLimits> = {},
  time: Pick<BridgeOptions, 'clock' | 'random'> = {},
): Started {
  const input = new PassThrough()
  const output = new PassThrough()
  const lines = readLines(output)
  const done = new Bridge({
    input,
    output,
    logger: silentLogger,
    locate: typeof locate === 'string' ? async () => ({ url: new URL(locate), token: undefined }) : locate,
    limits: { reachMs: 500, reconnect: { baseMs: 20, capMs: 100 }, drainMs: 300, ...limits },
    ...time,
  }).run()
  const end = () => {
    input.end()
    return done
  }
  onTestFinished(end)
  return {
    send: (message) => void input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    nextText: lines.next,
    next: async () => JSON.parse(await lines.next()) as Record<string, unknown>,
    unread: lines.unread,
    end,
  }
}

/** Takes the lines of a stream one by one. */
export function readLines(stream: NodeJS.ReadableStream) {
  const unread: string[] = []
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const take = waiting.shift()
      if (take) take(line)
      else unread.push(line)
    }
  })
  return {
    unread,
    next: (): Promise<string> => {
      const line = unread.shift()
      return line === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(line)
    },
  }
}

export interface Heard {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

/** Answers one request. @returns false to leave it unanswered for now */
export type Script = (heard: Heard, response: ServerResponse) => unknown

/** A gateway that says what a test wants it to, and remembers what it heard. */
export async function scriptedGateway(script: Script, port = 0) {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    const it: Heard = { method, url, headers, body: await text(request) }
    heard.push(it)
    await script(it, response)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  const actual = (server.address() as AddressInfo).port
  return { heard, port: actual, url: `http://127.0.0.1:${actual}/mcp/demo`, close }
}

export const json = (response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body)

export const events = (response: ServerResponse, ...frames: string[]) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  for (const frame of frames) response.write(`${frame}\n\n`)
}

export const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}
export const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' }
export const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** The part of a gateway that opens sessions; `rest` answers everything else. */
export const withSessions =
  (rest: Script): Script =>
  (heard, response) => {
    const message = heard.method === 'POST' ? (JSON.parse(heard.body) as { id: unknown; method?: string }) : undefined
    if (message?.method === 'initialize')
      return json(
        response,
        200,
        JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-11-25', capabilities: {} } }),
        { 'Mcp-Session-Id': 'session-1' },
      )
    if (message?.method === 'notifications/initialized') return response.writeHead(202).end()
    if (heard.method === 'DELETE') return response.writeHead(200).end()
    return rest(heard, response)
  }

export const noStream: Script = (_, response) => response.writeHead(405).end()
