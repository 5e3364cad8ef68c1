import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type LogLevel, silentLogger } from '../../electron/kit/logger.ts'
import { ProcessGuard } from '../../electron/process/guard.ts'
import { identify, type ProcessIdentity } from '../../electron/process/identity.ts'
import { parseLedger } from '../../electron/process/ledger.ts'
import { childEnv } from '../fixtures/children/index.ts'
import { endAll, running, Talk, talk } from './support.ts'

const watchdogScript = join(import.meta.dirname, '../../electron/process/watchdog.ts')
const hostScript = join(import.meta.dirname, 'hosts', 'guarded.ts')

let stateDir: string
const guards: ProcessGuard[] = []
const hosts: ChildProcess[] = []

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'poolscope-guard-'))
})

afterEach(async () => {
  await endAll()
  for (const guard of guards.splice(0)) await guard.close()
  for (const host of hosts.splice(0)) host.kill('SIGKILL')
  await rm(stateDir, { recursive: true })
})

async function guard(logger = silentLogger): Promise<ProcessGuard> {
  const started = await ProcessGuard.start({ stateDir, watchdogScript, logger })
  guards.push(started)
  return started
}

/** A host in a process of its own. `said` resolves when a child has written such a line to stderr. */
async function startHost(...args: string[]) {
  const child = spawn(process.execPath, [hostScript, stateDir, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  hosts.push(child)
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const exited = once(child, 'exit')
  await vi.waitFor(() => expect(lines.length).toBeGreaterThan(0), 10_000)
  const said = (start: string, times = 1) =>
    vi.waitFor(() => {
      const found = lines.filter((line) => line.startsWith(start))
      expect(found.length).toBeGreaterThanOrEqual(times)
      return found
    }, 10_000)
  const { watchdog, roots } = JSON.parse(lines[0] ?? '') as { watchdog: number; roots: number[] }
  return { child, exited, said, watchdog, roots }
}

const ledgers = async () => (await readdir(join(stateDir, 'processes'))).filter((name) => name.endsWith('.jsonl'))

async function writeLedger(live: ProcessIdentity[], host: ProcessIdentity) {
  const lines = [{ host }, ...live.map((add) => ({ add }))]
  await writeFile(
    join(stateDir, 'processes', '999999.jsonl'),
    `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"add":{"pid":1`,
  )
}

async function identityOf(pid: number): Promise<ProcessIdentity> {
  const identity = await identify(pid)
  if (!identity) throw new Error(`no process ${pid}`)
  return identity
}

const live = async () => parseLedger(await readFile(join(stateDir, 'processes', `${process.pid}.jsonl`), 'utf8')).live

/** A host that no longer runs. */
const deadHost = async (): Promise<ProcessIdentity> => ({ ...(await identityOf(process.pid)), startTime: '1' })

async function hanging(): Promise<Talk> {
  const server = talk('hang', ['--ignore-sigterm'])
  await server.stderrLine((text) => text === 'hang: ready')
  return server
}

describe('29: SIGKILL of the host', () => {
  test('nothing survives 3 s: not what ignores everything, not a grandchild whose wrapper left, not the watchdog', async () => {
    const host = await startHost(
      'echo',
      'hang:--ignore-sigterm',
      'ignoreSigterm',
      'ignoreSigterm:--root-exits',
      'closesStdout:--at=start',
    )
    await host.said('hang: ready')
    const pids = (await host.said('pids ', 2)).flatMap((line) => Object.values(JSON.parse(line.slice(5)) as object))
    const all = [...new Set([...host.roots, ...pids, host.watchdog])]
    expect(all).toHaveLength(8)
    expect(all.filter((pid) => !running(pid))).toEqual([])
    host.child.kill('SIGKILL')
    await host.exited
    const before = performance.now()
    await vi.waitFor(() => expect(all.filter(running)).toEqual([]), { timeout: 10_000, interval: 20 })
    expect(performance.now() - before).toBeLessThan(3000)
  })

  test('in the very tick of a spawn: the child is covered', async () => {
    // It writes nothing and outstays the end of stdin: a broken pipe would end others by itself.
    const host = await startHost('slow:--exit-ms=100000000', '--die')
    expect(await host.exited).toEqual([null, 'SIGKILL'])
    await vi.waitFor(() => expect([...host.roots, host.watchdog].filter(running)).toEqual([]), 3000)
  })

  test('a host that leaves in order ends its watchdog and leaves no ledger', async () => {
    const host = await startHost('echo', 'hang', '--close')
    expect(await host.exited).toEqual([0, null])
    expect([...host.roots, host.watchdog].filter(running)).toEqual([])
    expect(await ledgers()).toEqual([])
  })

  test('what the watchdog could not end, the next host ends', async () => {
    const host = await startHost('hang:--ignore-sigterm')
    await host.said('hang: ready')
    // Its command line is that of the ledger from the start; a SIGKILL of both leaves the server alone.
    await vi.waitFor(async () =>
      expect(
        parseLedger(await readFile(join(stateDir, 'processes', (await ledgers())[0] ?? ''), 'utf8')).live,
      ).toHaveLength(1),
    )
    process.kill(host.watchdog, 'SIGKILL')
    host.child.kill('SIGKILL')
    await host.exited
    expect(host.roots.map(running)).toEqual([true])
    const logged: unknown[] = []
    await guard({ log: (_level: LogLevel, message, fields) => void logged.push([message, fields]) })
    expect(host.roots.map(running)).toEqual([false])
    expect(logged).toEqual([['Ended processes that an earlier run had left', { pids: host.roots }]])
    expect(await ledgers()).toEqual([`${process.pid}.jsonl`])
  })
})

describe('the ledger', () => {
  test('an innocent process that got a PID of the ledger is never ended, whichever part of its identity differs', async () => {
    const innocent = await hanging()
    await (await guard()).close()
    const identity = await identityOf(innocent.pid)
    const differing: Partial<ProcessIdentity>[] = [
      { startTime: String(Number(identity.startTime) - 1) },
      { bootId: 'another boot' },
      { argvHash: 'another program' },
      { pgid: process.pid },
    ]
    for (const difference of differing) {
      await writeLedger([{ ...identity, ...difference }], await deadHost())
      await guard()
      expect(await ledgers()).toEqual([`${process.pid}.jsonl`])
      expect(running(innocent.pid)).toBe(true)
    }
    // The same entry without a difference is ended: the four above were kept for their difference, not by accident.
    await writeLedger([identity], await deadHost())
    await guard()
    expect(running(innocent.pid)).toBe(false)
  })

  test('the ledger of a host that still runs is left alone', async () => {
    const other = await startHost('hang')
    await other.said('hang: ready')
    await guard()
    expect(running(other.roots[0] ?? 0)).toBe(true)
    expect(await ledgers()).toHaveLength(2)
  })

  test('hosts with different folders know nothing of each other', async () => {
    const server = await hanging()
    await (await guard()).close()
    await writeLedger([await identityOf(server.pid)], await deadHost())
    const elsewhere = await mkdtemp(join(tmpdir(), 'poolscope-guard-'))
    await (await ProcessGuard.start({ stateDir: elsewhere, watchdogScript, logger: silentLogger })).close()
    await rm(elsewhere, { recursive: true })
    expect(running(server.pid)).toBe(true)
  })

  test('holds what runs now: a tree that is gone is taken back', async () => {
    const guarded = await guard()
    const [kept, ended] = [talk('echo', [], { guard: guarded }), talk('hang', [], { guard: guarded })]
    await vi.waitFor(async () => expect((await live()).map(({ pid }) => pid)).toEqual([kept.pid, ended.pid]))
    await ended.tree.terminate('kill')
    await vi.waitFor(async () => expect((await live()).map(({ pid }) => pid)).toEqual([kept.pid]))
  })

  test('follows a launcher that becomes another program, so that it is still known', async () => {
    const guarded = await guard()
    const args = ['-c', 'read line; exec sleep 1000']
    const launcher = new Talk({ command: '/bin/sh', args, env: childEnv }, { guard: guarded })
    await vi.waitFor(async () => expect(await live()).toEqual([await identityOf(launcher.pid)]))
    const before = await identityOf(launcher.pid)
    launcher.tree.write('go')
    await vi.waitFor(async () => {
      const now = await identityOf(launcher.pid)
      expect(now.argvHash).not.toBe(before.argvHash)
      expect(await live()).toEqual([now])
    }, 5000)
  })

  test('is written anew when most of it is of processes that are gone', async () => {
    const guarded = await guard()
    const file = join(stateDir, 'processes', `${process.pid}.jsonl`)
    const server = await hanging()
    for (let i = 0; i < 1000; i++) {
      guarded.register({ pid: server.pid, command: '', args: [] })
      guarded.unregister(server.pid)
    }
    guarded.register({ pid: server.pid, command: '', args: [] })
    await vi.waitFor(async () => {
      const content = await readFile(file, 'utf8')
      expect(content.split('\n').length).toBeLessThan(1000)
      expect(parseLedger(content)).toEqual({
        host: await identityOf(process.pid),
        live: [await identityOf(server.pid)],
      })
    })
  })

  test('lines that are torn or foreign are ignored', async () => {
    const identity = await identityOf(process.pid)
    const good = JSON.stringify({ add: identity })
    expect(parseLedger(`nonsense\n{"add":{"pid":0}}\n${good}\n{"remo`)).toEqual({ host: undefined, live: [identity] })
    expect(parseLedger(`${good}\n{"remove":${process.pid}}\n`).live).toEqual([])
    expect(parseLedger('')).toEqual({ host: undefined, live: [] })
  })
})

describe('the watchdog', () => {
  test('is started again when it was killed, and knows the groups', async () => {
    const guarded = await guard()
    const server = talk('hang', ['--ignore-sigterm'], { guard: guarded })
    await server.stderrLine((text) => text === 'hang: ready')
    const first = guarded.watchdogPid ?? 0
    process.kill(first, 'SIGKILL')
    await vi.waitFor(() => {
      expect(guarded.watchdogPid).not.toBe(first)
      expect(running(guarded.watchdogPid ?? 0)).toBe(true)
    }, 5000)
    // Closing without having taken the group back is what the end of the host looks like to it.
    await guarded.close()
    expect(running(server.pid)).toBe(false)
  })

  test('does not touch a group that was taken back', async () => {
    const guarded = await guard()
    const server = await hanging()
    guarded.register({ pid: server.pid, command: '', args: [] })
    guarded.unregister(server.pid)
    await guarded.close()
    expect(running(server.pid)).toBe(true)
  })

  test('does not touch a process whose start time is not the one it was told, nor its own group, nor everybody', async () => {
    const innocent = await hanging()
    const watchdog = spawn(process.execPath, [watchdogScript], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] })
    const { startTime } = await identityOf(innocent.pid)
    watchdog.stdin.end(`+${innocent.pid} ${Number(startTime) - 1}\n+0 1\n+1 1\nnonsense\n+${innocent.pid}`)
    expect(await once(watchdog, 'exit')).toEqual([0, null])
    expect(running(innocent.pid)).toBe(true)
  })

  test('a guard without a watchdog that can run still guards by its ledger', async () => {
    const logged: string[] = []
    const started = await ProcessGuard.start({
      stateDir,
      watchdogScript,
      execPath: '/no/such/node',
      logger: { log: (_level, message) => void logged.push(message) },
    })
    await vi.waitFor(() => expect(logged).toContain('The watchdog ended and is started again'))
    const server = talk('hang', [], { guard: started })
    expect(await server.tree.terminate('kill')).toBe('gone')
    await started.close()
    expect(await ledgers()).toEqual([])
  })

  test('ten concurrent closes are one', async () => {
    const guarded = await guard()
    const pid = guarded.watchdogPid ?? 0
    await Promise.all(Array.from({ length: 10 }, () => guarded.close()))
    expect(running(pid)).toBe(false)
  })
})
