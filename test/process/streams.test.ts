import { afterEach, describe, expect, test, vi } from 'vitest'
import { AppError } from '../../shared/errors.ts'
import { childEnv, childSpec } from '../fixtures/children/index.ts'
import { endAll, Talk, talk } from './support.ts'

afterEach(endAll)

const mib = 1024 * 1024

/** Runs a script of one line in a child. */
const script = (code: string, args: string[] = []) =>
  new Talk({ command: process.execPath, args: ['-e', code, ...args], env: childEnv })

describe('messages', () => {
  test('a request is answered by the process that the tree names', async () => {
    const server = await talk('echo').initialize()
    expect(await server.tool('pid')).toBe(String(server.pid))
    expect(server.tree.exit).toBeUndefined()
    expect(server.tree.spawnBlockedMs).toBeGreaterThan(0)
  })

  test('the environment is the given one and nothing else', async () => {
    process.env.POOLSCOPE_TEST_LEAK = 'secret'
    const server = await new Talk(childSpec('echo', [], { GIVEN: 'yes' })).initialize()
    delete process.env.POOLSCOPE_TEST_LEAK
    expect(await server.tool('env', { name: 'GIVEN' })).toBe('yes')
    expect(await server.tool('env', { name: 'POOLSCOPE_TEST_LEAK' })).toBe('')
  })

  test.each(['--bytewise', '--crlf', '--together', '--bytewise --crlf'])(
    '26: a server that writes with %s is understood',
    async (args) => {
      const server = await talk('splitUtf8', args.split(' ')).initialize()
      const text = 'Grüße, 世界 🌍 \u2028 end'
      expect(await server.tool('echo', { text })).toBe(text)
    },
  )

  test('26: noise between messages is told line by line and breaks nothing', async () => {
    const server = await talk('noise').initialize()
    expect(await server.tool('echo', { text: 'heard' })).toBe('heard')
    expect(server.lines.slice(0, 2)).toEqual(['Welcome to Noisy Server v1.0!', ''])
  })

  test('line ends within a message become spaces, so that pretty-printed JSON stays one message', async () => {
    const server = await talk('echo').initialize()
    const answer = server.line((line) => line.includes('"pretty"'))
    server.tree.write('{\n  "jsonrpc": "2.0",\r\n  "id": "pretty",\n  "method": "ping"\n}')
    expect(JSON.parse(await answer)).toEqual({ jsonrpc: '2.0', id: 'pretty', result: {} })
  })

  test('what was written in one tick arrives in order', async () => {
    const server = await talk('echo').initialize()
    const texts = Array.from({ length: 500 }, (_, i) => `n${i}`)
    expect(await Promise.all(texts.map((text) => server.tool('echo', { text })))).toEqual(texts)
  })

  test('26: a line over 16 MiB is skipped and told, and the next answer comes', async () => {
    const server = await talk('giantLine').initialize()
    void server.request('tools/call', { name: 'giant', arguments: { bytes: 17 * mib } })
    expect(await server.tool('echo', { text: 'still here' })).toBe('still here')
    expect(server.tooLong).toHaveLength(1)
    expect(server.tooLong[0]?.bytes).toBeGreaterThan(17 * mib)
    // The TypeScript SDK writes the id last: it is in the tail.
    expect(server.tooLong[0]?.tail).toMatch(/"id":2}$/)
  })

  test('26: a line of 15 MiB is a line', async () => {
    const server = await talk('giantLine').initialize()
    const answer = await server.request('tools/call', { name: 'giant', arguments: { bytes: 15 * mib } })
    expect(JSON.stringify(answer.result).length).toBeGreaterThan(15 * mib)
    expect(server.tooLong).toEqual([])
  })
})

describe('the end of stdout', () => {
  test('an answer that is followed by the exit at once is delivered before the exit is told', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const server = await talk('crash').initialize()
        server.order.length = 0
        const answer = await server.tool('crash', { how: 'answer' })
        await server.tree.exited
        expect(server.order.indexOf('line')).toBe(0)
        expect(server.order.at(-1)).toBe('exited')
        return answer
      }),
    )
    expect(answers).toEqual(Array(8).fill('crashed'))
  })

  test('a last line without line end is a line', async () => {
    const child = script('process.stdout.write("one\\ntwo")')
    await child.tree.exited
    expect(child.lines).toEqual(['one', 'two'])
    expect(child.stdoutEnds).toBe(1)
  })

  test('a server that closes stdout and lives on is told as such', async () => {
    const server = await talk('closesStdout').initialize()
    await vi.waitFor(() => expect(server.stdoutEnds).toBe(1))
    expect(server.tree.exit).toBeUndefined()
    expect(await server.tree.terminate('abrupt')).toBe('gone')
    expect(server.stdoutEnds).toBe(1)
  })

  test('everything that was written before the exit is there when it is told, stderr too', async () => {
    const child = script(
      'process.stdout.write("x".repeat(3e6)+"\\n");process.stderr.write("last words");process.exitCode=9',
    )
    const exit = await child.tree.exited
    expect(exit).toEqual({ code: 9, signal: null })
    expect(child.lines.map((line) => line.length)).toEqual([3e6])
    expect(child.tree.stderr.tail(3)).toEqual(['last words'])
  })
})

describe('stdin', () => {
  test('24: a child that never reads is refused at the cap, and neither waits nor grows', async () => {
    const child = talk('deaf')
    await child.stderrLine((text) => text === 'deaf')
    const line = 'x'.repeat(1023)
    let taken = 0
    const fill = () => {
      for (;;) {
        child.tree.write(line)
        taken += 1024
      }
    }
    expect(fill).toThrow(expect.objectContaining({ code: 'STDIN_OVERFLOW' }))
    expect(taken).toBe(mib)
    // What the kernel takes of it makes room; then it is full for good.
    await vi.waitFor(() => {
      expect(fill).toThrow(AppError)
      const before = taken
      expect(fill).toThrow(
        expect.objectContaining({ code: 'STDIN_OVERFLOW', data: expect.objectContaining({ maxStdinBytes: mib }) }),
      )
      expect(taken).toBe(before)
    })
    expect(taken).toBeLessThan(3 * mib)
    expect(await child.tree.terminate('abrupt')).toBe('gone')
  })

  test('a message longer than the cap reaches a child that reads', async () => {
    const server = await talk('echo').initialize()
    const text = 'ü'.repeat(3 * mib)
    expect(await server.tool('echo', { text })).toBe(text)
  })

  test('23: writing to a child that has closed its stdin is told once and throws nothing uncaught', async () => {
    const child = script('require("fs").closeSync(0); setInterval(() => {}, 1e6); process.stderr.write("closed\\n")')
    await child.stderrLine((text) => text === 'closed')
    for (let i = 0; i < 3; i++) child.tree.write('{}')
    await vi.waitFor(() => expect(child.writeFailures).toHaveLength(1))
    expect(child.writeFailures[0]).toMatchObject({ code: 'EPIPE' })
    expect(() => child.tree.write('{}')).toThrow(expect.objectContaining({ code: 'CONNECTION_LOST' }))
  })

  test('22: a write after a SIGKILL of the child fails, typed', async () => {
    const server = await talk('hang').initialize()
    void server.request('tools/call', { name: 'hang' })
    process.kill(server.pid, 'SIGKILL')
    expect(await server.tree.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(() => server.tree.write('{}')).toThrow(expect.objectContaining({ code: 'CONNECTION_LOST' }))
    expect(await server.tree.terminate('gentle')).toBe('gone')
  })
})

describe('stderr', () => {
  test('25: 100 MB of stderr are read, bounded, and do not keep answers waiting', async () => {
    const server = await talk('floodStderr', ['--on-call']).initialize()
    const before = process.memoryUsage().rss
    const done = server.stderrLine((text) => text === 'flood: done')
    await server.tool('flood')
    let answers = 0
    let flooding = true
    void done.then(() => {
      flooding = false
    })
    while (flooding) {
      await server.tool('echo')
      answers++
    }
    const { stderr } = server.tree
    expect(stderr.bytes + stderr.droppedBytes).toBeGreaterThanOrEqual(100 * mib)
    expect(stderr.droppedBytes).toBeGreaterThan(99 * mib)
    const kept = stderr.lines().reduce((sum, { text }) => sum + text.length + 1, 0)
    expect(kept).toBeGreaterThan(60 * 1024)
    expect(kept).toBeLessThanOrEqual(64 * 1024)
    expect(answers).toBeGreaterThan(10)
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * mib)
  })
})
