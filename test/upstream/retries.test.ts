import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RetryBudget } from '../../electron/upstream/retry-budget.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { failureOf } from './failure.ts'
import { callTool, own, start } from './support.ts'

/** A server that dies upon its first requests, and how many it has seen. */
function flaky(failures: number) {
  const folder = mkdtempSync(join(tmpdir(), 'poolscope-flaky-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const count = join(folder, 'count')
  const watched = start(own('flaky', `--count=${count}`, `--failures=${failures}`))
  return { ...watched, seen: () => (existsSync(count) ? statSync(count).size : 0) }
}

describe('retries', () => {
  test.each(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'])(
    '%s is sent again when its process was lost',
    async (method) => {
      const { upstream, seen } = flaky(1)
      const reply = await upstream.request({ method, params: '{}' })
      expect(reply).toMatchObject({ kind: 'result', text: '{"seen":2}', timing: { attempts: 2, coldStart: true } })
      expect(seen()).toBe(2)
    },
  )

  test('what may change something is never sent twice', async () => {
    const { upstream, seen } = flaky(1)
    for (const method of ['tools/call', 'prompts/get', 'completion/complete']) {
      const before = seen()
      if (before === 0) {
        const error = await failureOf(upstream.request({ method, params: '{}' }))
        expect(error).toMatchObject({ code: 'CONNECTION_LOST', data: { code: 7, attempts: 1 } })
      } else await upstream.request({ method, params: '{}' })
      expect(seen()).toBe(before + 1)
    }
  })

  test('three attempts at most', async () => {
    const { upstream, seen } = flaky(9)
    const error = await failureOf(upstream.request({ method: 'tools/list' }))
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', data: { attempts: 3 } })
    expect(seen()).toBe(3)
  })

  test('never past the deadline', async () => {
    const { upstream } = flaky(9)
    const started = performance.now()
    const error = await failureOf(upstream.request({ method: 'tools/list', timeouts: { requestTimeoutMs: 350 } }))
    expect(['CONNECTION_LOST', 'DEADLINE_EXCEEDED']).toContain(error.code)
    expect(performance.now() - started).toBeLessThan(1_500)
  })

  test('a time-out is not retried: the caller has waited long enough', async () => {
    const { upstream, pids } = start({
      child: 'hang',
      args: ['--from=tools/list'],
      timeouts: { responseTimeoutMs: 100 },
    })
    const error = await failureOf(upstream.request({ method: 'tools/list' }))
    expect(error).toMatchObject({ code: 'RESPONSE_TIMEOUT', data: { attempts: 1 } })
    expect(pids.size).toBe(1)
  })

  test('a process that takes no more on its stdin is passed over: nothing had been written', async () => {
    const { upstream, pids } = start({ pool: { maxConnections: 1 } })
    await upstream.request(callTool('echo'))
    const [pid = 0] = pids
    const gone = new Promise<void>((resolve) => upstream.events.on('connection.closing', () => resolve()))
    process.kill(pid, 'SIGKILL')
    await gone
    expect((await upstream.request(callTool('echo'))).timing.attempts).toBe(1)
    expect(pids.size).toBe(2)
  })
})

describe('the retry budget', () => {
  test('allows three in ten seconds, or 20 % of the requests', async () => {
    const clock = new FakeClock()
    const budget = new RetryBudget(clock)
    const take = (n: number) => Array.from({ length: n }, () => budget.take()).filter(Boolean).length
    budget.request()
    expect(take(10)).toBe(3)
    for (let i = 0; i < 99; i++) budget.request()
    expect(take(100)).toBe(17)
    await clock.advance(10_000)
    budget.request()
    expect(take(10)).toBe(3)
  })
})
