import type { RequestListener, Server } from 'node:http'
import type { GatewayLimits } from '../types.ts'

// Imported by name it would load Node's fetch and WebSocket, which stand among its exports: twelve megabytes (measured).
const { createServer } = process.getBuiltinModule('node:http')

/** Between two requests of one client. Longer than clients keep a connection themselves: then only they close it. */
const keepAliveTimeoutMs = 65_000

/** An HTTP server that waits for nobody for ever: neither for who sends slowly, nor for who does not read. */
export function createHttpServer(
  { headersTimeoutMs, receiveTimeoutMs, stalledReaderMs }: GatewayLimits,
  serve: RequestListener,
): Server {
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: receiveTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, Math.ceil(headersTimeoutMs / 2)),
    },
    serve,
  )
  // Quiet sockets are fine (a long call, a stream between events); one that takes no byte of a pending answer is not.
  server.setTimeout(stalledReaderMs, (socket) => {
    if (socket.writableLength > 0) socket.destroy()
  })
  return server
}
