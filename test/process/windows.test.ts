import { afterEach, describe, expect, test } from 'vitest'
import { parseCommandLines } from '../../electron/process/process-table.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { endAll, talk } from './support.ts'

afterEach(endAll)

/** Windows as the ladder sees it; what taskkill would do is done here. */
function windows(options: { systemRoot?: string | undefined; taskkillFails?: boolean } = {}) {
  const calls: string[] = []
  return {
    calls,
    os: 'win32' as const,
    systemRoot: 'systemRoot' in options ? options.systemRoot : 'D:\\Windows',
    kill(pid: number, signal: NodeJS.Signals | 0) {
      calls.push(`kill ${signal}`)
      process.kill(pid, signal)
    },
    async exec(file: string, args: readonly string[]) {
      calls.push([file, ...args].join(' '))
      if (options.taskkillFails) throw new Error('taskkill failed')
      process.kill(Number(args[1]), 'SIGKILL')
    },
  }
}

describe('Windows (the platform is injected: this part was not run on Windows)', () => {
  test('the tree is ended by taskkill, by its absolute path, while the root still runs', async () => {
    const platform = windows()
    const server = await talk('hang', ['--ignore-sigterm'], { platform }).initialize()
    expect(await server.tree.terminate('kill')).toBe('gone')
    expect(platform.calls).toEqual([`D:\\Windows\\System32\\taskkill.exe /PID ${server.pid} /T /F`])
  })

  test('abrupt is taskkill at once: there is no SIGTERM', async () => {
    const platform = windows()
    const server = await talk('hang', ['--ignore-sigterm'], { platform, clock: new FakeClock() }).initialize()
    expect(await server.tree.terminate('abrupt')).toBe('gone')
    expect(platform.calls).toHaveLength(1)
  })

  test('gentle: a server that leaves at the end of stdin is not touched', async () => {
    const platform = windows()
    const server = await talk('echo', [], { platform }).initialize()
    expect(await server.tree.terminate('gentle')).toBe('gone')
    expect(platform.calls).toEqual([])
  })

  test('gentle: taskkill comes after 2 s', async () => {
    const platform = windows()
    const clock = new FakeClock()
    const server = await talk('hang', [], { platform, clock }).initialize()
    const outcome = server.tree.terminate('gentle')
    await clock.advance(1999)
    expect(platform.calls).toEqual([])
    await clock.advance(1)
    expect(await outcome).toBe('gone')
    expect(platform.calls).toHaveLength(1)
  })

  test('when taskkill fails the root is ended at least', async () => {
    const platform = windows({ taskkillFails: true, systemRoot: undefined })
    const server = await talk('hang', ['--ignore-sigterm'], { platform }).initialize()
    expect(await server.tree.terminate('kill')).toBe('gone')
    expect(platform.calls).toEqual([`C:\\Windows\\System32\\taskkill.exe /PID ${server.pid} /T /F`, 'kill SIGKILL'])
  })

  test('taskkill is not run for a PID that is given away: the root has exited', async () => {
    const platform = windows()
    const server = await talk('crash', [], { platform }).initialize()
    void server.request('tools/call', { name: 'crash' })
    await server.tree.exited
    expect(await server.tree.terminate('kill')).toBe('gone')
    expect(platform.calls).toEqual([])
  })

  test('command lines are read from lines of PID and text, whatever the line ends', () => {
    const lines = parseCommandLines('4 \r\n  812 C:\\Windows\\node.exe server.js --port 1\r\n\r\nnonsense\r\n')
    expect([...lines]).toEqual([
      [4, ''],
      [812, 'C:\\Windows\\node.exe server.js --port 1'],
    ])
  })
})
