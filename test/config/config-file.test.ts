import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ConfigFile } from '../../electron/config/config-file.ts'
import { firstRunConfig } from '../../electron/config/first-run.ts'
import { watchFile } from '../../electron/config/watch.ts'
import { systemClock } from '../../electron/kit/clock.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'poolscope-config-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const write = async (text: string) => {
  const file = join(dir, 'config.json')
  await writeFile(file, text)
  return file
}
const commented = `{
    // the team's servers
    "mcpServers": {
        /* fast */ "a": { "command": "a", "x-note": "kept" }, // trailing
        "b": {
            "command": "b",
            // why two
            "pool": { "maxConnections": 2 },
        },
    },
}
`

test('comments, trailing commas and a byte order mark are read', async () => {
  const loaded = await ConfigFile.load(await write(`\uFEFF${commented}`))
  expect(loaded.config.upstreams.map(({ name }) => name)).toEqual(['a', 'b'])
})

test('adding, changing and removing an entry keeps every comment, unknown key and the indentation', async () => {
  const loaded = await ConfigFile.load(await write(commented))
  await loaded.setEntry('c', { command: 'c', args: ['1'] })
  await loaded.setEntry('b', { command: 'b2', pool: { maxConnections: 3 } })
  await loaded.removeEntry('a')
  const text = await readFile(loaded.file, 'utf8')
  expect(text).toContain("// the team's servers")
  expect(text).toContain('// why two')
  expect(text).toContain('\n            "command": "b2"')
  expect(text).toContain('\n        "c": {')
  expect(loaded.config.upstreams.map(({ name, pool }) => [name, pool.maxConnections])).toEqual([
    ['b', 3],
    ['c', 4],
  ])
})

test('what its author wrote on one line stays on one line', async () => {
  const text = `{
\t"mcpServers": {
\t\t"one": { "command": "a", "args": ["x", "y"] }, // note
\t\t"two": { "command": "b" }
\t}
}`
  const loaded = await ConfigFile.load(await write(text))
  await loaded.setEntry('three', { command: 'c', args: ['1'] })
  await loaded.setKey('two', 'enabled', false)
  expect(loaded.text).toBe(`{
\t"mcpServers": {
\t\t"one": { "command": "a", "args": ["x", "y"] }, // note
\t\t"two": { "command": "b",
\t\t\t"enabled": false
\t\t},
\t\t"three": {
\t\t\t"command": "c",
\t\t\t"args": [
\t\t\t\t"1"
\t\t\t]
\t\t}
\t}
}`)
  await loaded.removeEntry('three')
  expect(loaded.text).toContain('"one": { "command": "a", "args": ["x", "y"] }, // note\n')
  expect(loaded.config.upstreams.map(({ name }) => name)).toEqual(['one', 'two'])
})

test.each(['{}', '{ "mcpServers": {} }', '{"mcpServers":{"a":{"command":"x"}}}', '{\n  // only a note\n}', '{"x":1,}'])(
  'an entry is added to %s and removed again',
  async (text) => {
    const loaded = await ConfigFile.load(await write(text))
    const before = loaded.config.upstreams.length
    await loaded.setEntry('new', { command: 'n', env: { A: '1' } })
    expect(loaded.config.upstreams).toHaveLength(before + 1)
    if (text.includes('note')) expect(loaded.text).toContain('// only a note')
    await loaded.removeEntry('new')
    expect(loaded.config.upstreams).toHaveLength(before)
  },
)

test('an entry goes where the file keeps its servers', async () => {
  const loaded = await ConfigFile.load(await write('{ "servers": {} }'))
  await loaded.setEntry('new', { command: 'x' })
  expect(JSON.parse(loaded.text)).toEqual({ servers: { new: { command: 'x' } } })
})

test('edits made at once are all kept, and one made by hand in between is not lost', async () => {
  const loaded = await ConfigFile.load(await write('{ "mcpServers": {} }'))
  await writeFile(loaded.file, '{ "mcpServers": { "hand": { "command": "h" } } }')
  await Promise.all(['a', 'b', 'c'].map((name) => loaded.setEntry(name, { command: name })))
  expect(loaded.config.upstreams.map(({ name }) => name)).toEqual(['hand', 'a', 'b', 'c'])
})

test('an edit that would make the file invalid changes nothing, and the next one works', async () => {
  const loaded = await ConfigFile.load(await write(commented))
  await expect(loaded.setEntry('c', { command: 3 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await readFile(loaded.file, 'utf8')).toBe(commented)
  await loaded.setKey('a', 'enabled', false)
  expect(loaded.config.upstreams[0]?.enabled).toBe(false)
})

test('writing leaves no temporary file, and a mode that was set stays', async () => {
  const file = await write(commented)
  const { chmod } = await import('node:fs/promises')
  await chmod(file, 0o640)
  const loaded = await ConfigFile.load(file)
  await loaded.removeEntry('a')
  expect(await readdir(dir)).toEqual(['config.json'])
  expect((await stat(file)).mode & 0o777).toBe(0o640)
})

test('the first-run config is valid, for its owner only, and has one demo upstream', async () => {
  const made = await ConfigFile.create(join(dir, 'deep', 'config.json'), firstRunConfig)
  expect(made.config.upstreams.map(({ name }) => name)).toEqual(['demo'])
  expect((await stat(made.file)).mode & 0o777).toBe(0o600)
})

test('what is not JSON is an error with file, line and column', async () => {
  const file = await write('{\n  "mcpServers": {,}\n}')
  await expect(ConfigFile.load(file)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/config\.json: line 2, column 18: not valid JSON/),
  })
})

test('an unreadable file is an error with its name and the reason', async () => {
  await expect(ConfigFile.load(join(dir, 'none.json'))).rejects.toMatchObject({
    message: expect.stringMatching(/none\.json can't be read \(ENOENT\)/),
  })
})

test('a folder that cannot be written is a typed error', async () => {
  const file = await write('{}')
  await expect(ConfigFile.create(join(file, 'x.json'), '{}')).rejects.toMatchObject({ code: 'CONFIG_UNWRITABLE' })
})

test('a change behind a symbolic link is noticed, also when the link is turned to another file', async () => {
  const { mkdir, rename, symlink } = await import('node:fs/promises')
  await Promise.all(['v1', 'v2', 'home'].map((name) => mkdir(join(dir, name))))
  for (const version of ['v1', 'v2']) await writeFile(join(dir, version, 'real.json'), '{}')
  const link = join(dir, 'home', 'config.json')
  await symlink(join(dir, 'v1', 'real.json'), link)
  const changed = vi.fn()
  const stop = watchFile(link, systemClock, changed, (error) => {
    throw error
  })
  await writeFile(join(dir, 'v1', 'real.json'), '{ "a": 1 }')
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), 5_000)
  await symlink(join(dir, 'v2', 'real.json'), `${link}.new`)
  await rename(`${link}.new`, link)
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2), 5_000)
  await writeFile(join(dir, 'v2', 'real.json'), '{ "a": 2 }')
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(3), 5_000)
  stop()
})

test('a change on disk is noticed once after a burst, also when the file is replaced', async () => {
  const file = await write('{}')
  const changed = vi.fn()
  const stop = watchFile(file, systemClock, changed, (error) => {
    throw error
  })
  await writeFile(file, '{ "a": 1 }')
  await writeFile(file, '{ "a": 2 }')
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), 5_000)
  stop()
})
