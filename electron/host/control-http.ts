import type { IncomingMessage, ServerResponse } from 'node:http'
import sirv from 'sirv'
import { type CommandReply, commandNames, commands, type ErrorCode, type Frame } from '../../shared/contract.ts'
import { AppError, toErrorShape } from '../../shared/errors.ts'
import { bearerCheck } from '../gateway/checks/token.ts'
import { BodyError, discardBody, readBody } from '../gateway/http/body.ts'
import { sendJson as sendText } from '../gateway/http/respond.ts'
import { contentSecurityPolicy } from './csp.ts'

export interface ControlHttpOptions {
  token: string
  rendererDir: string
  maxBodyBytes: number
  run(name: string, arg: unknown): Promise<CommandReply>
  subscribe(listener: (frame: Frame) => unknown): () => void
  metricsContentType: string
  metrics(): Promise<string>
}

const statusOf: Partial<Record<ErrorCode, number>> = {
  UNAUTHORIZED: 401,
  COMMAND_NOT_FOUND: 404,
  UPSTREAM_NOT_FOUND: 404,
  CONNECTION_NOT_FOUND: 404,
  INVALID_ARGUMENT: 400,
  CONFIG_INVALID: 400,
  UPSTREAM_EXISTS: 409,
  INTERNAL: 500,
}

/**
 * What a browser and scripts reach beside /mcp: `POST /api/commands/<name>`, `GET /api/commands`, `GET /api/frames`,
 * `/metrics` and the dashboard. Host and Origin are checked before. Commands and frames need the bearer token even with
 * `--auth none`: a command can start any program.
 */
export function controlHttp(options: ControlHttpOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const isBearer = bearerCheck(options.token)
  const dashboard = sirv(options.rendererDir, {
    etag: true,
    setHeaders: (response, pathname) => {
      response.setHeader('Content-Security-Policy', contentSecurityPolicy)
      response.setHeader('X-Content-Type-Options', 'nosniff')
      response.setHeader('Referrer-Policy', 'no-referrer')
      response.setHeader(
        'Cache-Control',
        pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      )
    },
  })

  async function api(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (!isBearer(request.headers.authorization)) {
      response.setHeader('WWW-Authenticate', 'Bearer')
      throw new AppError(
        'UNAUTHORIZED',
        'this needs the header "Authorization: Bearer <token>"; the ready line of serve has the token',
      )
    }
    if (path === '/api/frames' && request.method === 'GET') return streamFrames(request, response)
    if (path === '/api/commands' && request.method === 'GET') {
      return sendJson(response, 200, { commands: commandNames.map((name) => ({ name, doc: commands[name].doc })) })
    }
    const name = /^\/api\/commands\/([^/]+)$/.exec(path)?.[1]
    if (name === undefined || request.method !== 'POST') {
      throw new AppError(
        'COMMAND_NOT_FOUND',
        `${request.method} ${path}: POST /api/commands/<name>, GET /api/commands or GET /api/frames`,
      )
    }
    const body = await readBody(request, options.maxBodyBytes)
    const reply = await options.run(name, parseArgument(body))
    sendJson(response, reply.ok ? 200 : (statusOf[reply.error.code] ?? 422), reply)
  }

  function streamFrames(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    })
    response.flushHeaders()
    const unsubscribe = options.subscribe((frame) => {
      if (response.write(`data: ${JSON.stringify(frame)}\n\n`)) return undefined
      // A reader that is behind gets its next frame when it has caught up.
      return new Promise((resolve) => {
        response.once('drain', resolve)
        response.once('close', resolve)
      })
    })
    response.on('close', unsubscribe)
    request.resume()
  }

  return (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    if (path === '/metrics') {
      options.metrics().then(
        (text) => response.writeHead(200, { 'Content-Type': options.metricsContentType }).end(text),
        (error: unknown) => sendFailure(response, error),
      )
    } else if (path.startsWith('/api/')) {
      api(request, response, path).catch((error: unknown) => {
        if (error instanceof BodyError) refuseBody(request, response, error)
        else sendFailure(response, error)
      })
    } else if (request.method === 'GET' || request.method === 'HEAD') {
      dashboard(
        request,
        response,
        () => void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found\n'),
      )
    } else response.writeHead(405, { Allow: 'GET, HEAD' }).end()
  }
}

function parseArgument(body: string): unknown {
  if (body.trim() === '') return {}
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new AppError('INVALID_ARGUMENT', `the body is not JSON: ${(error as Error).message}`)
  }
}

const noStore = ['Cache-Control', 'no-store'] as const

const sendJson = (response: ServerResponse, status: number, value: unknown): void =>
  sendText(response, status, JSON.stringify(value), { headers: [noStore] })

/** As the gateway refuses one: 413 for a body over the limit, the rest of which is still on its way. */
function refuseBody(request: IncomingMessage, response: ServerResponse, error: BodyError): void {
  const tooLarge = error.status === 413
  const text = JSON.stringify({ ok: false, error: error.toShape() })
  const headers = tooLarge ? [noStore, ['Connection', 'close'] as const] : [noStore]
  sendText(response, error.status, text, { headers, end: !tooLarge })
  if (tooLarge) discardBody(request, response)
}

function sendFailure(response: ServerResponse, thrown: unknown): void {
  if (response.headersSent) return void response.destroy()
  const error = toErrorShape(thrown)
  sendJson(response, statusOf[error.code] ?? 422, { ok: false, error })
}
