import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCommandLine } from '../../renderer/features/editor/command-line.ts'
import { guessName, readPaste } from '../../renderer/features/editor/paste.ts'

describe('a command line', () => {
  test.each<[string, string[]]>([
    ['npx -y @scope/server', ['npx', '-y', '@scope/server']],
    ['$ node "my file.js" \'a b\' c\\ d', ['node', 'my file.js', 'a b', 'c d']],
    ['node -e "say \\"hi\\""', ['node', '-e', 'say "hi"']],
    ["node ''", ['node', '']],
    ['a --x=\'{"k": 1}\'', ['a', '--x={"k": 1}']],
    ['docker run \\\n  -i mcp/x', ['docker', 'run', '-i', 'mcp/x']],
    ['npx x # the server', ['npx', 'x']],
    ['a#b', ['a#b']],
    ['C:\\tools\\node.exe server.js', ['C:\\tools\\node.exe', 'server.js']],
    ['"C:\\Program Files\\node.exe" x', ['C:\\Program Files\\node.exe', 'x']],
    ['a $HOME/x "${DIR:-/tmp}" \'$RAW\'', ['a', '${HOME}/x', '${DIR:-/tmp}', '$RAW']],
  ])('%s', (line, words) => {
    const [command, ...args] = words
    expect(readCommandLine(line)).toEqual({ ok: true, env: {}, command, args })
  })

  test('assignments before the command are its environment, later ones are arguments', () => {
    expect(readCommandLine('A=1 B="x y" node C=3')).toEqual({
      ok: true,
      env: { A: '1', B: 'x y' },
      command: 'node',
      args: ['C=3'],
    })
  })

  test.each(['a | b', 'a && b', 'a; b', 'a > f', 'a $(b)', 'a `b`', 'a "`b`"', 'a\nb', '"a', "'a", '', 'A=1', 'a ${B'])(
    'what needs a shell or is not complete is refused with a reason: %s',
    (line) => {
      const result = readCommandLine(line)
      expect(result.ok ? result : result.message.length).toBeGreaterThan(10)
    },
  )

  test('words in single quotes come back exactly, whatever they are', () => {
    const quoted = (word: string) => `'${word.replaceAll("'", `'"'"'`)}'`
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (args) => {
        expect(readCommandLine(['run', ...args.map(quoted)].join(' '))).toEqual({
          ok: true,
          env: {},
          command: 'run',
          args,
        })
      }),
    )
  })

  test('no text makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void readPaste(text)))
  })
})

describe('a pasted config', () => {
  const entry = { command: 'npx', args: ['-y', 'x'], env: { TOKEN: 't' }, autoApprove: ['a'] }

  test.each<[string, unknown]>([
    ['Claude Desktop and Cursor', { mcpServers: { github: entry } }],
    ['VS Code', { servers: { github: entry }, inputs: [] }],
    ['VS Code settings', { mcp: { servers: { github: entry } } }],
    ['a name and its entry', { github: entry }],
  ])('%s', (_client, config) => {
    expect(readPaste(JSON.stringify(config, null, 2))).toEqual({
      kind: 'servers',
      from: 'json',
      servers: [{ name: 'github', entry }],
    })
  })

  test('an entry that lost its braces, with comments and a comma after it, is read all the same', () => {
    const paste = readPaste('"github": {\n  // from the README\n  "command": "npx",\n  "args": ["x"],\n},')
    expect(paste).toMatchObject({
      kind: 'servers',
      servers: [{ name: 'github', entry: { command: 'npx', args: ['x'] } }],
    })
  })

  test('a bare entry gets a name guessed from its command', () => {
    expect(readPaste('{"command": "uvx", "args": ["mcp-server-fetch"]}')).toMatchObject({
      servers: [{ name: 'fetch' }],
    })
  })

  test('several servers are all offered', () => {
    const paste = readPaste(JSON.stringify({ mcpServers: { a: entry, b: { url: 'https://x.test/mcp' }, c: 3 } }))
    expect(paste.kind === 'servers' && paste.servers.map((server) => server.name)).toEqual(['a', 'b'])
  })

  test.each([
    ['{"mcpServers": {', 'line 1'],
    ['{"a": 1}', 'No server'],
    ['{"mcpServers": {}}', 'No server'],
  ])('what is no config says why: %s', (text, why) => {
    const paste = readPaste(text)
    expect(paste.kind === 'error' && paste.message).toContain(why)
  })

  test('blank text is nothing, not an error', () => expect(readPaste(' \n')).toEqual({ kind: 'empty' }))
})

test.each([
  ['npx', ['-y', '@modelcontextprotocol/server-github@1.2.3'], 'github'],
  ['uvx', ['mcp-server-fetch'], 'fetch'],
  ['node', ['/srv/notes/dist/index.js'], 'notes'],
  ['docker', ['run', '-i', '--rm', '-e', 'TOKEN', 'mcp/grafana:latest'], 'grafana'],
  ['/usr/local/bin/my-tool.exe', [], 'my-tool'],
  ['python3', ['-u', 'weather.py'], 'weather'],
])('the name of %s %j is guessed', (command, args, name) => expect(guessName(command, args)).toBe(name))
