import { afterEach, describe, expect, it } from 'vitest'
import type { TreeUsage } from '../../electron/telemetry/types.ts'
import { settle } from '../support/fake-clock.ts'
import { Bench, connectionOf } from './support/fixtures.ts'

let bench: Bench
afterEach(() => bench.telemetry.close())

const usage: TreeUsage = { cpuPercent: 12.5, memoryBytes: 1_000, processes: 3 }

/** Samples that answer when the test says so. */
function sampler() {
  const asked: number[][] = []
  const answers: { resolve: (usage: Map<number, TreeUsage>) => void; reject: (error: Error) => void }[] = []
  const sampleTrees = (pids: number[]) => {
    asked.push(pids)
    return new Promise<Map<number, TreeUsage>>((resolve, reject) => answers.push({ resolve, reject }))
  }
  return { asked, answers, sampleTrees }
}

describe('CPU and memory of process trees', () => {
  it('stand at each connection, and their sums at the upstream, the points and the host', async () => {
    bench = new Bench({
      sampleTrees: async (pids) => new Map(pids.filter((pid) => pid !== 13).map((pid) => [pid, usage])),
    })
    const files = bench.add('files')
    files.connections = [
      connectionOf('files', { id: 'a', pid: 11 }),
      connectionOf('files', { id: 'b', pid: 12 }),
      connectionOf('files', { id: 'gone', pid: 13 }),
      connectionOf('files', { id: 'none', pid: null }),
    ]
    const other = bench.add('other')
    other.connections = [connectionOf('other', { id: 'c', pid: 21 })]
    await bench.clock.advance(2_000)
    const { upstreams, host } = bench.telemetry.snapshot()
    expect(upstreams[0]?.connections.map(({ memoryBytes, processes }) => [memoryBytes, processes])).toEqual([
      [1_000, 3],
      [1_000, 3],
      [null, null],
      [null, null],
    ])
    expect(upstreams[0]?.stats).toMatchObject({ memoryBytes: 2_000, cpuPercent: 25 })
    expect(bench.telemetry.stats('other')).toMatchObject({ memoryBytes: 1_000, cpuPercent: 12.5 })
    expect(bench.telemetry.points('files').at(-1)).toMatchObject({ memoryBytes: 2_000, cpuPercent: 25 })
    expect(host).toMatchObject({ childrenMemoryBytes: 3_000, memoryBytes: 100 })
    expect(await bench.telemetry.metricsText()).toContain(
      'poolscope_upstream_resident_memory_bytes{upstream="files"} 2000\n',
    )
  })

  it('are sampled every 2 s while someone listens and every 15 s otherwise', async () => {
    let samples = 0
    bench = new Bench({
      sampleTrees: async (pids) => {
        samples += 1
        return new Map(pids.map((pid) => [pid, usage]))
      },
    })
    bench.add('files').connections = [connectionOf('files')]
    await bench.clock.advance(1_000)
    expect(samples).toBe(1)
    await bench.clock.advance(60_000)
    expect(samples).toBe(5)
    const { stop } = bench.listen()
    await bench.clock.advance(60_000)
    expect(samples).toBeGreaterThanOrEqual(5 + 29)
    expect(samples).toBeLessThanOrEqual(5 + 31)
    const heard = samples
    stop()
    await bench.clock.advance(30_000)
    expect(samples - heard).toBe(2)
  })

  it('are sampled at once when someone begins to listen, and reach a frame by themselves', async () => {
    const { asked, answers, sampleTrees } = sampler()
    bench = new Bench({ sampleTrees })
    bench.add('files').connections = [connectionOf('files', { pid: 11 })]
    const { frames } = bench.listen()
    expect(asked).toEqual([[11]])
    await bench.clock.advance(300)
    const before = frames.length
    answers[0]?.resolve(new Map([[11, usage]]))
    await settle()
    await bench.clock.advance(250)
    expect(frames.slice(before)[0]?.upstreams[0]?.connections[0]?.memoryBytes).toBe(1_000)
  })

  it('of a new process are sampled with the next second, while someone listens', async () => {
    const asked: number[][] = []
    bench = new Bench({
      sampleTrees: async (pids) => {
        asked.push(pids)
        return new Map(pids.map((pid) => [pid, usage]))
      },
    })
    const files = bench.add('files')
    files.connections = [connectionOf('files', { pid: 11 })]
    bench.listen()
    await bench.clock.advance(100)
    files.connections = [connectionOf('files', { pid: 11 }), connectionOf('files', { id: 'b', pid: 12 })]
    await bench.clock.advance(1_000)
    expect(asked).toEqual([[11], [11, 12]])
    await bench.clock.advance(1_000)
    expect(asked).toHaveLength(2)
  })

  it('never pile up behind a slow sample', async () => {
    const { asked, answers, sampleTrees } = sampler()
    bench = new Bench({ sampleTrees })
    bench.add('files').connections = [connectionOf('files')]
    bench.listen()
    await bench.clock.advance(60_000)
    expect(asked).toHaveLength(1)
    answers[0]?.resolve(new Map())
    await settle()
    await bench.clock.advance(1_000)
    expect(asked).toHaveLength(2)
  })

  it('keep the last figures when a sample fails, say so once, and go on', async () => {
    const { answers, sampleTrees } = sampler()
    bench = new Bench({ sampleTrees })
    bench.add('files').connections = [connectionOf('files', { pid: 11 })]
    bench.listen()
    await bench.clock.advance(0)
    answers[0]?.resolve(new Map([[11, usage]]))
    for (let i = 1; i < 6; i++) {
      await bench.clock.advance(2_000)
      answers[i]?.reject(new Error('no process table'))
    }
    await bench.clock.advance(2_000)
    expect(answers.length).toBeGreaterThanOrEqual(5)
    expect(bench.telemetry.stats('files').memoryBytes).toBe(1_000)
    expect(bench.logged.filter((line) => line.includes('sampled'))).toHaveLength(1)
  })

  it('ask nothing of the system while no process runs', async () => {
    const { asked, sampleTrees } = sampler()
    bench = new Bench({ sampleTrees })
    bench.add('files')
    bench.listen()
    await bench.clock.advance(20_000)
    expect(asked).toEqual([])
  })
})
