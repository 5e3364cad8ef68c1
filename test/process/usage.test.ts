import { afterEach, describe, expect, test, vi } from 'vitest'
import { identify, parsePs } from '../../electron/process/identity.ts'
import { commandLines, processTable, treesOf } from '../../electron/process/process-table.ts'
import { parseStat } from '../../electron/process/procfs.ts'
import { processTree, sampleTrees, usageByPidusage } from '../../electron/process/usage.ts'
import { childEnv } from '../fixtures/children/index.ts'
import { endAll, Talk, talk } from './support.ts'

afterEach(endAll)

const mib = 1024 * 1024
const script = (code: string) => new Talk({ command: process.execPath, args: ['-e', code], env: childEnv })

async function wrapper() {
  const server = talk('ignoreSigterm')
  const text = await server.stderrLine((line) => line.startsWith('pids '))
  return { server, ...(JSON.parse(text.slice(5)) as { root: number; grandchild: number }) }
}

describe('sampleTrees', () => {
  test('memory and processes are those of the whole tree', async () => {
    const { root } = await wrapper()
    const small = await talk('echo').initialize()
    const usage = await sampleTrees([root, small.pid])
    expect(usage.get(root)?.processes).toBe(2)
    expect(usage.get(small.pid)?.processes).toBe(1)
    const one = usage.get(small.pid)?.memoryBytes ?? 0
    expect(one).toBeGreaterThan(20 * mib)
    expect(one).toBeLessThan(300 * mib)
    expect(usage.get(root)?.memoryBytes).toBeGreaterThan(one * 1.3)
  })

  test('CPU is percent of a core since the last sample: a busy process has much, an idle one nearly none', async () => {
    const busy = script('process.stderr.write("busy\\n");for(;;);')
    const idle = script('setInterval(()=>{},1e6);process.stderr.write("idle\\n")')
    await Promise.all([busy.stderrLine(() => true), idle.stderrLine(() => true)])
    await sampleTrees([busy.pid, idle.pid])
    const since = performance.now()
    await vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(400))
    const usage = await sampleTrees([busy.pid, idle.pid])
    const [busyPercent = 0, idlePercent = 0] = [busy, idle].map(({ pid }) => usage.get(pid)?.cpuPercent)
    expect(busyPercent).toBeGreaterThan(5)
    expect(busyPercent).toBeLessThan(150)
    expect(idlePercent).toBeLessThan(busyPercent / 4)
  })

  test('a process that vanished has no entry and breaks nothing', async () => {
    const gone = await talk('echo').initialize()
    const here = await talk('echo').initialize()
    await gone.tree.terminate('kill')
    const usage = await sampleTrees([gone.pid, here.pid, 2 ** 30])
    expect([...usage.keys()]).toEqual([here.pid])
    expect(await sampleTrees([])).toEqual(new Map())
  })

  test('processes that come and go while it looks break nothing', async () => {
    const churn = script(
      'const {spawn}=require("child_process");for(let i=0;i<8;i++)(function again(){spawn("/bin/true").on("exit",again)})()',
    )
    for (let i = 0; i < 20; i++) {
      const usage = await sampleTrees([churn.pid])
      expect(usage.get(churn.pid)?.processes).toBeGreaterThanOrEqual(1)
      for (const value of Object.values(usage.get(churn.pid) ?? {})) expect(value).toBeGreaterThanOrEqual(0)
    }
  })

  test('a grandchild whose parent has left still counts, by its group', async () => {
    const server = talk('ignoreSigterm', ['--root-exits'], { graces: { stdinMs: 20_000 } })
    const line = await server.stderrLine((text) => text.startsWith('pids '))
    const { grandchild } = JSON.parse(line.slice(5)) as { grandchild: number }
    void server.request('tools/call', { name: 'leave' })
    await server.tree.exited
    expect((await processTree(server.pid)).map(({ pid }) => pid)).toEqual([grandchild])
    expect((await sampleTrees([server.pid])).get(server.pid)?.processes).toBe(1)
  })

  test('without /proc, pidusage gives figures of the same kind', async () => {
    const { root } = await wrapper()
    const table = (await processTable()).map(({ pid, ppid, pgrp }) => ({ pid, ppid, pgrp }))
    const byPidusage = (await usageByPidusage(treesOf([root, 2 ** 30], table))).get(root)
    const own = (await sampleTrees([root])).get(root)
    expect(byPidusage?.processes).toBe(own?.processes)
    expect((byPidusage?.memoryBytes ?? 0) / (own?.memoryBytes ?? 1)).toBeCloseTo(1, 0)
  })
})

describe('processTree', () => {
  test('lists the root first, then its descendants, with their commands', async () => {
    const { root, grandchild } = await wrapper()
    const tree = await processTree(root)
    expect(tree.map(({ pid, ppid }) => [pid, ppid])).toEqual([
      [root, process.pid],
      [grandchild, root],
    ])
    expect(tree[0]?.command).toMatch(/ignore-sigterm\.mjs$/)
    expect(tree[1]?.command).toMatch(/--grandchild$/)
  })

  test('a process that is gone has no tree', async () => {
    expect(await processTree(2 ** 30)).toEqual([])
  })

  test('without /proc, ps and pidtree tell the same', async () => {
    const { root, grandchild } = await wrapper()
    const table = await processTable('darwin')
    expect(
      treesOf([root], table)
        .get(root)
        ?.map(({ pid }) => pid),
    ).toEqual([root, grandchild])
    expect((await commandLines('darwin')).get(grandchild)).toMatch(/--grandchild$/)
  })
})

describe('what the system tells', () => {
  test('a command with spaces and parentheses does not shift the fields of stat', () => {
    const fields = ['S', 7, 42, 43, 0, -1, 0, 0, 0, 0, 0, 11, 12, 0, 0, 20, 0, 1, 0, 987, 1000, 55]
    expect(parseStat(`42 (a) b (c)) ${fields.join(' ')}`)).toEqual({
      pid: 42,
      state: 'S',
      ppid: 7,
      pgrp: 42,
      session: 43,
      userTicks: 11,
      systemTicks: 12,
      startTicks: 987,
      residentPages: 55,
    })
    expect(parseStat('')).toBeUndefined()
    expect(parseStat('42 (torn) S 7')).toBeUndefined()
  })

  test('a line of ps is read with its date, on macOS and on Linux', () => {
    const mac = parsePs(812, '  812 Tue Nov  4 20:43:00 2025     node server.js --port 1\n')
    expect(mac).toMatchObject({ pid: 812, pgid: 812, startTime: 'Tue Nov  4 20:43:00 2025', bootId: '' })
    expect(parsePs(812, '  812 Tue Nov  4 20:43:00 2025     node other.js\n')?.argvHash).not.toBe(mac?.argvHash)
    expect(parsePs(812, '')).toBeUndefined()
    expect(parsePs(812, 'PGID STARTED COMMAND')).toBeUndefined()
  })

  test('without /proc, ps identifies a process, the same each time, and not one that is gone', async () => {
    const server = await talk('echo').initialize()
    const identity = await identify(server.pid, 'darwin')
    expect(identity).toMatchObject({ pid: server.pid, pgid: server.pid })
    expect(await identify(server.pid, 'darwin')).toEqual(identity)
    await server.tree.terminate('kill')
    expect(await identify(server.pid, 'darwin')).toBeUndefined()
  })
})
