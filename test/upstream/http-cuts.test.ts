import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { startHttpServer } from '../fixtures/http/index.ts'
import { closedAfterTest, reach, serve } from './http-support.ts'
import { callTool, modernCall, textOf } from './support.ts'

/** A way to a server that is cut as soon as so many bytes of the answer to a tool call have passed. */
async function cuttable(port: number) {
  let cutAfter: number | undefined
  let longest = 0
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    let isCall = false
    let passed = 0
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.on('data', (chunk) => {
      if (chunk.includes('"tools/call"')) {
        isCall = true
        passed = 0
      }
      far.write(chunk)
    })
    far.on('data', (chunk) => {
      const rest = isCall && cutAfter !== undefined ? cutAfter - passed : Number.POSITIVE_INFINITY
      passed += chunk.length
      if (isCall) longest = Math.max(longest, passed)
      if (chunk.length <= rest) return void near.write(chunk)
      near.write(chunk.subarray(0, rest), () => near.resetAndDestroy())
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  closedAfterTest({
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  })
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/mcp`,
    cut: (after: number | undefined) => {
      cutAfter = after
    },
    longest: () => longest,
  }
}

test.each([
  { era: 'legacy', jsonAnswers: true, eventIds: true },
  { era: 'legacy', jsonAnswers: false, eventIds: false },
  { era: 'legacy', jsonAnswers: false, eventIds: true },
  { era: 'modern', jsonAnswers: true, eventIds: true },
  { era: 'modern', jsonAnswers: false, eventIds: true },
] as const)('a tool call whose answer is cut off at any byte runs once: %o', async ({ era, ...options }) => {
  const server = closedAfterTest(await startHttpServer({ eras: [era], ...options }))
  const way = await cuttable(server.port)
  const { upstream } = reach(way.url)
  await upstream.eraFor(era)
  const call = (text: string) => (era === 'legacy' ? callTool('echo', { text }) : modernCall('echo', { text }))
  expect(textOf(await upstream.request(call('whole')))).toBe('whole')
  let answered = 0
  let calls = 1
  for (let after = 0; after < way.longest(); after += 11) {
    way.cut(after)
    calls++
    const outcome = await upstream.request(call(`cut ${after}`)).catch((error: unknown) => error)
    way.cut(undefined)
    // Three failures in a row would end the session.
    await upstream.request({ ...call(''), method: 'ping' })
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'CONNECTION_LOST' })
    else {
      answered++
      expect(textOf(outcome as { text: string })).toBe(`cut ${after}`)
    }
  }
  expect(calls).toBeGreaterThan(15)
  const runs = server.records.runsOf('echo').map(({ args }) => args.text)
  expect(new Set(runs).size).toBe(runs.length)
  // With event ids the rest is fetched, once the first event has come.
  if (options.eventIds && !options.jsonAnswers && era === 'legacy') expect(answered).toBeGreaterThan(0)
})

test('a server that is reset under many calls sees none of them twice', async () => {
  const server = await serve({ eras: ['legacy'], jsonAnswers: false })
  const { upstream } = reach(server.url, { isolation: 'multiplex', pool: { maxConnections: 4, maxInFlight: 16 } })
  await upstream.request(callTool('echo', { text: 'warm' }))
  const calls = Array.from({ length: 60 }, (_, n) =>
    upstream.request(callTool('echo', { text: `n${n}` })).then(
      () => true,
      () => false,
    ),
  )
  const dropping = setInterval(() => server.dropStreams(), 3)
  const outcomes = await Promise.all(calls).finally(() => clearInterval(dropping))
  const runs = server.records.runsOf('echo').map(({ args }) => args.text)
  expect(new Set(runs).size).toBe(runs.length)
  expect(outcomes.filter(Boolean).length).toBeLessThanOrEqual(runs.length)
})
