import { readdirSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { groupAlive, hostPlatform } from '../../electron/process/platform.ts'
import { processTable } from '../../electron/process/process-table.ts'
import type { ChildTree } from '../../electron/process/types.ts'
import { childEnv } from '../fixtures/children/index.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { endAll, running, Talk, talk } from './support.ts'

afterEach(endAll)

const graces = { stdinMs: 300, termMs: 300, abruptTermMs: 150, killMs: 1000 }

async function pidsOf(server: Talk): Promise<{ root: number; grandchild: number }> {
  return JSON.parse((await server.stderrLine((text) => text.startsWith('pids '))).slice('pids '.length))
}

/** The signals that end a process tell the rung that did it. */
const endedBy = async (tree: ChildTree) => {
  const { code, signal } = await tree.exited
  return signal ?? code
}

/** Exits by itself at SIGTERM only, with code 7. */
const untilSigterm = () =>
  new Talk({
    command: process.execPath,
    args: [
      '-e',
      'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1e6); process.stderr.write("up\\n")',
    ],
    env: childEnv,
  })

describe('the ladder', () => {
  test('gentle: a server that leaves at the end of stdin gets no signal', async () => {
    const server = await talk('echo').initialize()
    expect(await server.tree.terminate('gentle')).toBe('gone')
    expect(await endedBy(server.tree)).toBe(0)
    expect(running(server.pid)).toBe(false)
    expect(server.tree.forced).toBe(false)
  })

  test('gentle: what was written before is answered before the server leaves', async () => {
    const server = await talk('echo').initialize()
    const answer = server.tool('echo', { text: 'last' })
    expect(await server.tree.terminate('gentle')).toBe('gone')
    expect(await answer).toBe('last')
  })

  test('gentle: SIGTERM follows when the end of stdin is ignored', async () => {
    const server = await talk('hang', [], { graces }).initialize()
    expect(await server.tree.terminate('gentle')).toBe('gone')
    expect(await endedBy(server.tree)).toBe('SIGTERM')
  })

  test('gentle: SIGKILL follows when SIGTERM is ignored too', async () => {
    const server = await talk('hang', ['--ignore-sigterm'], { graces }).initialize()
    const before = performance.now()
    expect(await server.tree.terminate('gentle')).toBe('gone')
    expect(await endedBy(server.tree)).toBe('SIGKILL')
    expect(performance.now() - before).toBeGreaterThanOrEqual(600)
    expect(server.tree.forced).toBe(true)
  })

  test('abrupt: SIGTERM comes at once', async () => {
    const child = untilSigterm()
    await child.stderrLine((text) => text === 'up')
    expect(await child.tree.terminate('abrupt')).toBe('gone')
    expect(await endedBy(child.tree)).toBe(7)
  })

  test('kill: SIGKILL comes at once', async () => {
    const child = untilSigterm()
    await child.stderrLine((text) => text === 'up')
    expect(await child.tree.terminate('kill')).toBe('gone')
    expect(await endedBy(child.tree)).toBe('SIGKILL')
  })

  test('a stopped process is continued, so that it can handle SIGTERM', async () => {
    const child = untilSigterm()
    await child.stderrLine((text) => text === 'up')
    process.kill(child.pid, 'SIGSTOP')
    expect(await child.tree.terminate('abrupt')).toBe('gone')
    expect(await endedBy(child.tree)).toBe(7)
  })

  test('ten concurrent terminations have one outcome', async () => {
    const server = await talk('hang', [], { graces }).initialize()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => server.tree.terminate('gentle')))
    expect(new Set(outcomes)).toEqual(new Set(['gone']))
    expect(await server.tree.terminate('kill')).toBe('gone')
  })

  test('a process is terminated that has not come to its first line yet', async () => {
    const outcomes = await Promise.all(
      (['gentle', 'abrupt', 'kill'] as const).map((how) => talk('hang', [], { graces }).tree.terminate(how)),
    )
    expect(outcomes).toEqual(['gone', 'gone', 'gone'])
  })
})

describe('a harsher manner hastens the one under way', () => {
  test('kill ends a gentle termination at once', async () => {
    const clock = new FakeClock()
    const server = await talk('hang', ['--ignore-sigterm'], { clock }).initialize()
    const gentle = server.tree.terminate('gentle')
    expect(await server.tree.terminate('kill')).toBe('gone')
    expect(await gentle).toBe('gone')
    expect(await endedBy(server.tree)).toBe('SIGKILL')
    expect(clock.pending).toBe(0)
  })

  test('abrupt skips what is left of the gentle part', async () => {
    const clock = new FakeClock()
    const server = await talk('hang', [], { clock }).initialize()
    const gentle = server.tree.terminate('gentle')
    expect(await server.tree.terminate('abrupt')).toBe('gone')
    expect(await gentle).toBe('gone')
    expect(await endedBy(server.tree)).toBe('SIGTERM')
  })

  test('a gentler manner does not soften a harsher one', async () => {
    const clock = new FakeClock()
    const server = await talk('hang', ['--ignore-sigterm'], { clock }).initialize()
    const abrupt = server.tree.terminate('abrupt')
    void server.tree.terminate('gentle')
    await clock.advance(499)
    expect(running(server.pid)).toBe(true)
    await clock.advance(1)
    expect(await abrupt).toBe('gone')
    expect(await endedBy(server.tree)).toBe('SIGKILL')
  })

  test('the rungs stand 2 s, 2 s and SIGKILL apart', async () => {
    const clock = new FakeClock()
    const kill = vi.fn(process.kill.bind(process))
    const platform = {
      os: process.platform,
      kill,
      exec: () => Promise.reject(new Error('not here')),
      systemRoot: undefined,
    }
    const server = await talk('hang', ['--ignore-sigterm'], { clock, platform }).initialize()
    const signals = () => kill.mock.calls.map(([, signal]) => signal).filter((signal) => signal !== 0)
    const gentle = server.tree.terminate('gentle')
    await clock.advance(1999)
    expect(signals()).toEqual([])
    await clock.advance(1)
    expect(signals()).toEqual(['SIGTERM', 'SIGCONT'])
    await clock.advance(1999)
    expect(signals()).toEqual(['SIGTERM', 'SIGCONT'])
    await clock.advance(1)
    expect(signals()).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL'])
    expect(await gentle).toBe('gone')
    // Every signal went to the group, and none after it was gone.
    expect(kill.mock.calls.every(([pid]) => pid === -server.pid)).toBe(true)
    const calls = kill.mock.calls.length
    await server.tree.terminate('kill')
    expect(kill.mock.calls.length).toBe(calls)
  })
})

describe('27: a wrapper whose grandchild ignores SIGTERM and holds stdout', () => {
  test.each([
    ['gentle', []],
    ['abrupt', []],
    ['kill', []],
    ['gentle', ['--root-exits']],
    ['abrupt', ['--root-exits']],
  ] as const)('%s, wrapper %s: the whole tree is gone within budget', async (manner, args) => {
    const server = talk('ignoreSigterm', args, { graces })
    const { root, grandchild } = await pidsOf(server)
    const before = performance.now()
    expect(await server.tree.terminate(manner)).toBe('gone')
    expect(performance.now() - before).toBeLessThan(graces.stdinMs + graces.termMs + graces.killMs)
    expect([running(root), running(grandchild)]).toEqual([false, false])
  })

  test('a root that exits by itself is told although stdout stays open, and its grandchild is ended unasked', async () => {
    const server = talk('ignoreSigterm', ['--root-exits'], { graces })
    const { grandchild } = await pidsOf(server)
    server.notify('notifications/initialized')
    void server.request('tools/call', { name: 'leave' })
    expect(await server.tree.exited).toEqual({ code: 0, signal: null })
    await vi.waitFor(() => expect(running(grandchild)).toBe(false), 3000)
    expect(await server.tree.terminate('gentle')).toBe('gone')
  })

  test('our ends of the pipes are closed when the tree is gone', async () => {
    const server = talk('ignoreSigterm', [], { graces })
    await pidsOf(server)
    await server.tree.terminate('kill')
    expect(server.stdoutEnds).toBe(1)
    expect(() => server.tree.write('{}')).toThrow(expect.objectContaining({ code: 'CONNECTION_LOST' }))
  })
})

test('a hundred trees leave no file descriptor behind, however they end', async () => {
  const open = () => readdirSync('/proc/self/fd').length
  const round = () =>
    Promise.all(
      (['gentle', 'abrupt', 'kill'] as const).map(async (manner) => {
        const tree = new Talk({ command: '/bin/cat', args: [], env: childEnv }).tree
        tree.write('{}')
        return tree.terminate(manner)
      }),
    )
  await round()
  const before = open()
  for (let i = 0; i < 33; i++) await round()
  await vi.waitFor(() => expect(open()).toBeLessThanOrEqual(before))
})

describe('a tree that survives SIGKILL', () => {
  test('is told as survived after the budget, and as gone by a later call once it has ended', async () => {
    const clock = new FakeClock()
    const registered: number[] = []
    const guard = {
      register: ({ pid }: { pid: number }) => void registered.push(pid),
      unregister: () => void registered.pop(),
    }
    let immortal = true
    const kill = (pid: number, signal: NodeJS.Signals | 0) => {
      if (!immortal || signal === 0) process.kill(pid, signal)
    }
    const platform = {
      os: process.platform,
      kill,
      exec: () => Promise.reject(new Error('not here')),
      systemRoot: undefined,
    }
    const server = await talk('hang', [], { clock, guard, platform }).initialize()
    const outcome = server.tree.terminate('gentle')
    await clock.advance(5000)
    expect(await outcome).toBe('survived')
    expect(registered).toEqual([server.pid])
    immortal = false
    expect(await server.tree.terminate('gentle')).toBe('gone')
    expect(registered).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('is noticed to have ended without another call', async () => {
    const clock = new FakeClock()
    const unregister = vi.fn()
    const platform = {
      os: process.platform,
      kill: (pid: number, signal: NodeJS.Signals | 0) => void (signal === 0 && process.kill(pid, 0)),
      exec: () => Promise.reject(new Error('not here')),
      systemRoot: undefined,
    }
    const server = await talk('hang', [], { clock, guard: { register: () => {}, unregister }, platform }).initialize()
    const outcome = server.tree.terminate('kill')
    await clock.advance(1000)
    expect(await outcome).toBe('survived')
    process.kill(server.pid, 'SIGKILL')
    await vi.waitFor(() => expect(unregister).toHaveBeenCalledExactlyOnceWith(server.pid))
    expect(clock.pending).toBe(0)
  })
})

describe('zombies', () => {
  test('a group in which nothing but an unreaped zombie is left does not count as alive', async () => {
    // sh starts a group of its own that ends at once, and becomes a program that never waits for it: as PID 1 does in a
    // container without an init.
    const parent = new Talk({ command: '/bin/sh', args: ['-c', 'setsid sleep 0 & exec sleep 1000'], env: childEnv })
    const zombie = await vi.waitFor(async () => {
      const found = (await processTable()).find(({ ppid, stat }) => ppid === parent.pid && stat?.state === 'Z')
      if (!found) throw new Error('no zombie yet')
      return found
    })
    expect(zombie.pgrp).toBe(zombie.pid)
    expect(groupAlive(hostPlatform, zombie.pid, false)).toBe(true)
    expect(groupAlive(hostPlatform, zombie.pid, true)).toBe(false)
    expect(groupAlive(hostPlatform, parent.pid, true)).toBe(true)
  })
})
