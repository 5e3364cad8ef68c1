import { expect, test } from 'vitest'
import { type Binding, Parked } from '../../../electron/gateway/bridge/parked.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const binding: Binding = { principal: '', upstream: 'one', method: 'tools/call', digest: 'd' }

function start() {
  const clock = new FakeClock()
  const parked = new Parked<{ abandon(): void }>(clock)
  const abandoned: string[] = []
  const call = (name: string) => ({ abandon: () => void abandoned.push(name) })
  return { clock, parked, abandoned, call }
}

test('beyond what an upstream can spare the oldest of its calls gives way; other upstreams are not asked', () => {
  const { parked, abandoned, call } = start()
  const held = { max: 2, isWanted: () => false }
  parked.park({ ...binding, upstream: 'other' }, call('other'), held)
  parked.park(binding, call('holds nothing'))
  const handles = ['a', 'b', 'c'].map((name) => parked.park(binding, call(name), held))
  expect(abandoned).toEqual(['a'])
  expect(handles.map((handle) => parked.take(handle, binding) !== undefined)).toEqual([false, true, true])
})

test('a call that has waited for long gives way to a request that waits for a connection, one at a time', async () => {
  const { clock, parked, abandoned, call } = start()
  let wanted = true
  const held = { max: 9, isWanted: () => wanted }
  for (const name of ['a', 'b', 'c']) parked.park(binding, call(name), held)
  await clock.advance(9_000)
  expect(abandoned).toEqual([])
  await clock.advance(1_000)
  expect(abandoned).toEqual(['a'])
  wanted = false
  await clock.advance(60_000)
  expect(abandoned).toEqual(['a'])
  parked.close()
  expect(abandoned).toEqual(['a', 'b', 'c'])
  expect(parked.size).toBe(0)
})

test('handles are random, and there are so many of them at most', () => {
  const { parked, abandoned, call } = start()
  const handles = Array.from({ length: 1_025 }, (_, i) => parked.park(binding, call(String(i))))
  expect(new Set(handles).size).toBe(1_025)
  // 144 bits in base64url.
  expect(handles.every((handle) => /^[\w-]{24}$/.test(handle))).toBe(true)
  expect([parked.size, abandoned]).toEqual([1_024, ['0']])
})
