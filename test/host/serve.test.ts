import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { children } from '../fixtures/children/index.ts'
import { isAlive, type Served, serve, serveFailing, temporaryDir } from '../support/serve.ts'

const echo = { command: process.execPath, args: [children.echo] }

describe('the ready line and the end', () => {
  test('exactly one JSON line on stdout, with everything that a script needs; SIGTERM stops every child and exits 0', async () => {
    const served = await serve({ config: { mcpServers: { 'my echo': { ...echo, pool: { minIdle: 2 } } } } })
    const { ready } = served
    expect(Object.keys(ready)).toEqual(['ready', 'url', 'dashboard', 'mcp', 'metrics', 'token'])
    expect(ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(ready).toEqual({
      ready: true,
      url: ready.url,
      dashboard: `${ready.url}/?token=${ready.token}`,
      mcp: { 'my echo': `${ready.url}/mcp/my%20echo` },
      metrics: `${ready.url}/metrics`,
      token: ready.token,
    })
    const pids = await vi.waitFor(async () => {
      const { upstreams } = await served.command('snapshot.get', {})
      const live = upstreams[0]?.connections.map(({ pid }) => pid ?? 0) ?? []
      expect(live).toHaveLength(2)
      expect(upstreams[0]?.pool.idle).toBe(2)
      return live
    }, 10_000)
    expect(pids.every(isAlive)).toBe(true)
    expect(await served.stop()).toEqual({ code: 0, signal: null })
    expect(pids.filter(isAlive)).toEqual([])
    expect(served.stdout().trimEnd().split('\n')).toHaveLength(1)
  })

  test('SIGINT does the same, and a request under way is answered first', async () => {
    const served = await serve({
      config: { mcpServers: { slow: { command: process.execPath, args: [children.slow, '--ms=600'] } } },
    })
    const call = served.command('request.send', {
      upstream: 'slow',
      method: 'tools/call',
      params: { name: 'slow', arguments: { ms: 600 } },
    })
    await vi.waitFor(async () => {
      const { upstreams } = await served.command('snapshot.get', {})
      expect(upstreams[0]?.pool.leased).toBe(1)
    }, 10_000)
    const stopped = served.stop('SIGINT')
    expect((await call).result).toBeDefined()
    expect(await stopped).toEqual({ code: 0, signal: null })
  })

  test('the token is kept over restarts, for its owner only', async () => {
    const dir = await temporaryDir()
    const first = await serve({ dir })
    await first.stop()
    const second = await serve({ dir })
    await second.stop()
    expect(second.ready.token).toBe(first.ready.token)
    expect((await stat(join(dir, 'token'))).mode & 0o777).toBe(0o600)
    await rm(dir, { recursive: true })
  })

  test('where the gateway is stands in the user-data folder while it is there', async () => {
    const dir = await temporaryDir()
    const file = join(dir, 'gateway.json')
    const served = await serve({ dir })
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ url: served.ready.url, pid: served.process.pid })
    await served.stop()
    await expect(readFile(file)).rejects.toThrow('ENOENT')
    await rm(dir, { recursive: true })
  })

  test('without a config the first run writes one with the demo upstream, which works', async () => {
    const served = await serve()
    expect(await readdir(served.dir)).toEqual(expect.arrayContaining(['config.json', 'token']))
    const { result } = await served.command('request.send', {
      upstream: 'demo',
      method: 'tools/call',
      params: { name: 'echo', arguments: { text: 'hi' } },
    })
    expect(result).toMatchObject({ content: [{ type: 'text', text: expect.stringContaining('hi') }] })
    await served.stop()
  })
})

describe('what cannot start says why in one line and exits with 2', () => {
  let dir: string
  beforeEach(async () => {
    dir = await temporaryDir()
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  const failing = async (args: string[]) => {
    const { code, stdout, stderr } = await serveFailing(['--user-data-dir', dir, ...args])
    expect(stdout).toBe('')
    expect(code).toBe(2)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    return stderr
  }
  const config = async (text: string) => {
    const file = join(dir, 'servers.json')
    await writeFile(file, text)
    return ['--port', '0', '--config', file]
  }

  test.each([
    [['--port', 'x'], /port/],
    [['--port', '65536'], /65535/],
    [['--auth', 'basic'], /none, bearer/],
    [['--nope'], /unknown option '--nope'/],
    [['extra'], /too many arguments|extra/],
  ])('%j', async (args, expected) => {
    expect(await failing(args)).toMatch(expected)
  })

  test('an unreadable config names the file', async () => {
    expect(await failing(['--config', join(dir, 'none.json')])).toMatch(/none\.json can't be read \(ENOENT\)/)
  })

  test('a config that is a pipe or a folder is refused: reading it might never end', async () => {
    const fifo = join(dir, 'pipe.json')
    await once(spawn('mkfifo', [fifo]), 'exit')
    for (const file of [fifo, dir])
      expect(await failing(['--config', file])).toMatch(/can't be read \(it is no regular file\)/)
  })

  test('a config that is no JSON names file, line and column', async () => {
    expect(await failing(await config('{"mcpServers": {'))).toMatch(/servers\.json: line 1, column 17/)
  })

  test('a wrong value names file, path and what was expected', async () => {
    const text = JSON.stringify({ mcpServers: { a: { command: 'x', pool: { maxConnections: 'four' } } } })
    expect(await failing(await config(text))).toMatch(
      /servers\.json: mcpServers\.a\.pool\.maxConnections: .*expected number/,
    )
  })

  test.each([
    ['["a"', /line 1, column 5/],
    ['['.repeat(100_000), /nested too deeply|not valid JSON/],
    ['{"mcpServers":{"a":{"command":"x"},"a":{"command":"y"}}}', /column 36: there are two servers called "a"/],
    ['{"mcpServers":{"__proto__":{"command":"x"}}}', /__proto__/],
    [
      '{"mcpServers":{"a":{"command":"x","pool":{"maxConections":2}}}}',
      /mcpServers\.a\.pool: Unrecognized key: "maxConections"/,
    ],
  ])('a config that would lose something or lies: %.40s', async (text, expected) => {
    expect(await failing(await config(text))).toMatch(expected)
  })

  test('a user-data folder that can not be made or written', async () => {
    const { code, stderr } = await serveFailing(['--user-data-dir', '/proc/none/deep'])
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/\/proc\/none\/deep can't be made or written \(ENOENT\)\n$/),
    ])
    const blocked = join(dir, 'blocked')
    await writeFile(blocked, '')
    expect((await serveFailing(['--user-data-dir', join(blocked, 'x')])).stderr).toMatch(
      /can't be made or written \(ENOTDIR\)/,
    )
    await writeFile(join(dir, 'state'), '')
    expect(await failing(['--port', '0'])).toMatch(/state can't be made or written \(EEXIST\)/)
  })

  test('a port in use, and no child was started', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const marker = join(dir, 'started')
    const [, , ...rest] = await config(
      JSON.stringify({ mcpServers: { a: { command: 'touch', args: [marker], pool: { minIdle: 1 } } } }),
    )
    expect(await failing(['--port', String(port), ...rest])).toMatch(new RegExp(`port ${port}`))
    expect(await readdir(dir)).not.toContain('started')
    other.close()
  })
})

describe('a running serve', () => {
  let served: Served
  beforeEach(async () => {
    served = await serve({ config: `{\n  // ours\n  "mcpServers": { "echo": ${JSON.stringify(echo)} }\n}\n` })
  })
  afterEach(() => served.stop())

  test('health, readiness and metrics need no token', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await fetch(served.ready.url + path)).status).toBe(200)
    const metrics = await (await fetch(served.ready.metrics)).text()
    expect(metrics).toContain('poolscope_pool_max_connections{upstream="echo"} 4')
  })

  test('the dashboard comes with a strict policy; an unknown path is 404', async () => {
    const page = await fetch(served.ready.dashboard)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
    expect((await fetch(`${served.ready.url}/none`)).status).toBe(404)
    expect((await fetch(`${served.ready.url}/%2e%2e/cli/cli.js`)).status).toBe(404)
  })

  test('a config edited by hand is followed; a wrong one is told and changes nothing', async () => {
    const file = join(served.dir, 'servers.json')
    await writeFile(file, JSON.stringify({ mcpServers: { echo, second: { ...echo, pool: { minIdle: 1 } } } }))
    await vi.waitFor(async () => {
      const { upstreams } = await served.command('snapshot.get', {})
      expect(upstreams.map(({ name, state }) => [name, state])).toContainEqual(['second', 'ready'])
    }, 10_000)
    await writeFile(file, '{ "mcpServers": 3 }')
    await vi.waitFor(async () => {
      const { events } = await served.command('events.list', {})
      expect(events[0]).toMatchObject({ kind: 'config.rejected', level: 'error' })
    }, 10_000)
    expect((await served.command('snapshot.get', {})).upstreams).toHaveLength(2)
  })
})
