import { expect, test } from 'vitest'
import { type Binding, Parked } from '../../../electron/gateway/bridge/parked.ts'
import { Holders } from '../../../electron/gateway/holders.ts'
import { defaultPoolLimits } from '../../../shared/config.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'

const binding: Binding = { principal: '', upstream: 'one', method: 'tools/call', digest: 'd' }

function start(maxConnections = 4) {
  const clock = new FakeClock()
  const parked = new Parked<{ abandon(): void }>(clock, new Holders(clock))
  const abandoned: string[] = []
  const call = (name: string) => ({ abandon: () => void abandoned.push(name) })
  const upstream = new ScriptedUpstream('one', undefined, { pool: { ...defaultPoolLimits, maxConnections } })
  return { clock, parked, abandoned, call, upstream }
}

test('beyond half of an upstream’s connections the oldest call gives way; other upstreams are not asked', () => {
  const { parked, abandoned, call, upstream } = start(4)
  parked.park({ ...binding, upstream: 'other' }, call('other'), new ScriptedUpstream('other'))
  parked.park(binding, call('holds nothing'))
  const handles = ['a', 'b', 'c'].map((name) => parked.park(binding, call(name), upstream))
  expect(abandoned).toEqual(['a'])
  expect(handles.map((handle) => parked.take(handle, binding) !== undefined)).toEqual([false, true, true])
})

test('with a single connection one call may wait all the same', () => {
  const { parked, abandoned, call, upstream } = start(1)
  parked.park(binding, call('a'), upstream)
  expect(abandoned).toEqual([])
})

test('a call that has waited for long gives way to a request that waits for a connection, one at a time', async () => {
  const { clock, parked, abandoned, call, upstream } = start(8)
  upstream.waiting = 1
  for (const name of ['a', 'b', 'c']) {
    parked.park(binding, call(name), upstream)
    await clock.advance(1)
  }
  await clock.advance(9_500)
  expect(abandoned).toEqual([])
  await clock.advance(500)
  expect(abandoned).toEqual(['a'])
  upstream.waiting = 0
  await clock.advance(60_000)
  expect(abandoned).toEqual(['a'])
  parked.close()
  expect([abandoned, parked.size]).toEqual([['a', 'b', 'c'], 0])
})

test('handles are random, and there are so many of them at most', () => {
  const { parked, abandoned, call } = start()
  const handles = Array.from({ length: 1_025 }, (_, i) => parked.park(binding, call(String(i))))
  expect(new Set(handles).size).toBe(1_025)
  // 144 bits in base64url.
  expect(handles.every((handle) => /^[\w-]{24}$/.test(handle))).toBe(true)
  expect([parked.size, abandoned]).toEqual([1_024, ['0']])
})
