import { describe, expect, test } from 'vitest'
import { resolveConfig } from '../../electron/config/resolve.ts'
import { defaultPoolLimits, launcherConnectTimeoutMs } from '../../shared/config.ts'
import type { AppError } from '../../shared/errors.ts'

const failure = (root: unknown): AppError => {
  try {
    resolveConfig(root)
  } catch (error) {
    return error as AppError
  }
  throw new Error('expected an error')
}

describe('files of other clients are read unchanged', () => {
  test('Claude Desktop, with keys that are unknown here', () => {
    const config = resolveConfig({
      globalShortcut: 'Ctrl+Space',
      mcpServers: {
        files: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '/tmp'], env: { A: 'x' } },
      },
    })
    expect(config.upstreams).toMatchObject([
      {
        name: 'files',
        transport: 'stdio',
        command: 'npx',
        enabled: true,
        isolation: 'shared',
        protocol: 'auto',
        env: { A: 'x' },
        pool: { ...defaultPoolLimits, acquireTimeoutMs: launcherConnectTimeoutMs },
      },
    ])
  })

  test('Cursor and Claude Code, remote servers with headers', () => {
    const config = resolveConfig({
      mcpServers: {
        cursor: { url: 'https://example.test/mcp', headers: { Authorization: 'Bearer ${T}' } },
        code: { type: 'http', url: 'https://example.test/mcp' },
        variable: { type: 'http', url: '${API_URL:-https://example.test}/mcp' },
        old: { type: 'sse', url: 'https://example.test/sse' },
      },
    })
    expect(config.upstreams.map(({ transport }) => transport)).toEqual(['http', 'http', 'http', 'sse'])
  })

  test('VS Code: servers and inputs', () => {
    const config = resolveConfig({
      inputs: [{ type: 'promptString', id: 'k' }],
      servers: { gh: { type: 'stdio', command: 'gh-mcp', args: ['serve'], envFile: '.env' } },
    })
    expect(config.upstreams).toMatchObject([{ name: 'gh', command: 'gh-mcp', args: ['serve'] }])
  })

  test('Cline: disabled entries stay known and stopped; numbers in env become text', () => {
    const config = resolveConfig({
      mcpServers: { a: { command: 'a', disabled: true, env: { PORT: 80, DEBUG: true, NONE: null } } },
    })
    expect(config.upstreams[0]).toMatchObject({ enabled: false, env: { PORT: '80', DEBUG: 'true' } })
  })

  test('names that other clients allow are kept', () => {
    const config = resolveConfig({
      mcpServers: { 'My Server (beta)!': { command: 'a' }, 'plugin:x:y': { command: 'b' } },
    })
    expect(config.upstreams.map(({ name }) => name)).toEqual(['My Server (beta)!', 'plugin:x:y'])
  })
})

test('multiplex means several requests at once unless a number says otherwise', () => {
  const inFlight = (entry: object, defaults = {}) =>
    resolveConfig({ defaults, mcpServers: { a: { command: 'x', ...entry } } }).upstreams[0]?.pool.maxInFlight
  expect(inFlight({})).toBe(1)
  expect(inFlight({ isolation: 'multiplex' })).toBe(16)
  expect(inFlight({ isolation: 'multiplex', pool: { maxInFlight: 2 } })).toBe(2)
  expect(inFlight({ isolation: 'multiplex' }, { pool: { maxInFlight: 3 } })).toBe(3)
})

test("an entry's own limits come before the file's defaults, those before the product's", () => {
  const [a, b] = resolveConfig({
    defaults: { pool: { maxConnections: 8, idleTimeoutMs: 1000 }, timeouts: { responseTimeoutMs: 5 } },
    mcpServers: {
      a: { command: 'a', pool: { maxConnections: 2 } },
      b: { command: 'b', timeouts: { responseTimeoutMs: 7 } },
    },
  }).upstreams
  expect(a?.pool).toMatchObject({ maxConnections: 2, idleTimeoutMs: 1000, maxWaiting: defaultPoolLimits.maxWaiting })
  expect([a?.timeouts.responseTimeoutMs, b?.timeouts.responseTimeoutMs]).toEqual([5, 7])
})

test.each(['npx', '/usr/bin/uvx', 'C:\\tools\\npx.cmd'])('%s gets longer to connect, unless configured', (command) => {
  const [plain, set] = resolveConfig({
    mcpServers: { plain: { command }, set: { command, timeouts: { connectTimeoutMs: 9 } } },
  }).upstreams
  expect([plain?.timeouts.connectTimeoutMs, set?.timeouts.connectTimeoutMs]).toEqual([launcherConnectTimeoutMs, 9])
  expect(plain?.pool.acquireTimeoutMs).toBe(launcherConnectTimeoutMs)
  expect(set?.pool.acquireTimeoutMs).toBe(defaultPoolLimits.acquireTimeoutMs)
})

test.each([
  [[], [], 'expected an object'],
  [{ mcpServers: [] }, ['mcpServers'], 'expected an object of servers'],
  [{ mcpServers: { a: 1 } }, ['mcpServers', 'a'], 'expected an object with "command" or "url"'],
  [{ mcpServers: { a: {} } }, ['mcpServers', 'a'], 'expected "command"'],
  [{ mcpServers: { a: { command: '' } } }, ['mcpServers', 'a', 'command'], 'a command is needed'],
  [{ mcpServers: { a: { command: 'x', args: 'y' } } }, ['mcpServers', 'a', 'args'], 'expected array'],
  [{ mcpServers: { a: { command: 'x', args: ['ok', 3] } } }, ['mcpServers', 'a', 'args', 1], 'expected string'],
  [{ mcpServers: { a: { url: 'ftp://x' } } }, ['mcpServers', 'a', 'url'], 'http or https'],
  [
    { mcpServers: { a: { command: 'x', pool: { maxConnections: 0 } } } },
    ['mcpServers', 'a', 'pool', 'maxConnections'],
    '>=1',
  ],
  [
    { mcpServers: { a: { command: 'x', pool: { minIdle: 5 } } } },
    ['mcpServers', 'a', 'pool', 'minIdle'],
    'at most maxConnections (4)',
  ],
  [{ mcpServers: { a: { command: 'x', isolation: 'none' } } }, ['mcpServers', 'a', 'isolation'], 'shared'],
  [{ gateway: { port: 70000 } }, ['gateway', 'port'], '65535'],
  [
    { defaults: { timeouts: { connectTimeoutMs: 'soon' } } },
    ['defaults', 'timeouts', 'connectTimeoutMs'],
    'expected number',
  ],
  [{ mcpServers: { a: { command: 'x' } }, servers: { a: { command: 'y' } } }, ['servers', 'a'], 'the same name'],
])('a wrong value in %j is an error with its path and what was expected', (root, path, expected) => {
  const error = failure(root)
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.data?.path).toEqual(path)
  expect(error.message).toContain(expected)
})
