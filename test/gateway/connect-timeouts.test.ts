import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { closedAfterTest, reach } from '../upstream/http-support.ts'
import { initialize, startGateway } from './support/harness.ts'
import { send } from './support/http.ts'
import { modern } from './support/modern.ts'
import { ScriptedUpstream } from './support/scripted-upstream.ts'

/** The timeouts that a client lowers hold for the wait for its server as well, whose era is not known yet. */

/** Takes connections and says nothing. */
async function unreachable() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closedAfterTest({
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  const { port } = server.address() as AddressInfo
  const { upstream } = reach(`http://127.0.0.1:${port}/mcp`, { name: 'docs' })
  const { url } = await startGateway({ upstreams: [upstream] })
  return `${url}/mcp/docs`
}

describe.each([
  ['poolscope-connect-timeout-ms', 'CONNECT_TIMEOUT'],
  ['poolscope-request-timeout-ms', 'DEADLINE_EXCEEDED'],
])('%s, for a server that is not connected yet', (header, code) => {
  const error = { code: -32603, message: expect.stringContaining('within the 100 ms'), data: { code } }

  test('initialize hears of it in time', async () => {
    const reply = await send(await unreachable(), { body: initialize(), headers: { [header]: '100' } })
    expect(reply.json.error).toMatchObject(error)
  })

  test.each(['tools/list', 'server/discover'])('a modern %s hears of it in time', async (method) => {
    const client = modern(await unreachable())
    const reply = await client.post(method, {}, { headers: { [header]: '100' } })
    expect(reply.json.error).toMatchObject(error)
  })
})

test('what the wait for the era took is no time for the rest', async () => {
  const upstream = new ScriptedUpstream('docs')
  const { promise, resolve } = Promise.withResolvers<void>()
  const { eraFor } = upstream
  upstream.eraFor = async (client, wait) => {
    setTimeout(resolve, 50)
    await promise
    return eraFor.call(upstream, client, wait)
  }
  const { url } = await startGateway({ upstreams: [upstream] })
  await send(`${url}/mcp/docs`, { body: initialize(), headers: { 'poolscope-request-timeout-ms': '60000' } })
  const [era, handshake] = upstream.waits
  expect(era).toEqual({ requestTimeoutMs: 60_000 })
  expect(handshake?.requestTimeoutMs).toBeLessThan(60_000 - 40)
  expect(handshake?.requestTimeoutMs).toBeGreaterThan(30_000)
})
