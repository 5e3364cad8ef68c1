import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AuthorizationServer } from '../../auth/fixtures/authorization-server.ts'
import type { HttpTestServer } from '../../fixtures/http/index.ts'

const wellKnown = '/.well-known/oauth-protected-resource'

export interface ProtectedMcp {
  /** Of the MCP endpoint. */
  url: string
  close(): Promise<void>
}

/** An MCP server that lets in who has a token of the authorization server for it (RFC 9728), and tells others where to get one. */
export async function protect(server: HttpTestServer, issuer: AuthorizationServer): Promise<ProtectedMcp> {
  const door = createServer((request, response) => {
    const path = request.url ?? '/'
    if (path.startsWith(wellKnown)) {
      const metadata = { resource: `${origin}${path.slice(wellKnown.length)}`, authorization_servers: [issuer.url] }
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(metadata))
      return
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined || issuer.accessTokens.get(token)?.resource !== `${origin}${path}`) {
      request.resume()
      const challenge = `Bearer resource_metadata="${origin}${wellKnown}${path}"`
      response.writeHead(401, { 'WWW-Authenticate': challenge }).end()
      return
    }
    const passed = send(new URL(path, server.url), { method: request.method, headers: request.headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers)
      response.flushHeaders()
      reply.pipe(response)
      reply.on('error', () => response.destroy())
    })
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(door.address() as AddressInfo).port}`
  return {
    url: `${origin}${new URL(server.url).pathname}`,
    close: () =>
      new Promise((resolve) => {
        door.close(() => resolve())
        door.closeAllConnections()
      }),
  }
}
