import { expect, test } from 'vitest'
import { EraVerdicts, verdictKey } from '../../electron/upstream/era-verdicts.ts'
import { FakeClock } from '../support/fake-clock.ts'

const dayMs = 24 * 3_600_000

test('what is known adds up, and expires after a day, but not while processes run', async () => {
  const clock = new FakeClock()
  const eras = new EraVerdicts(clock)
  expect(eras.get('a')).toEqual({})
  eras.learn('a', { modern: true })
  eras.learn('a', { legacy: false })
  expect(eras.get('a')).toEqual({ modern: true, legacy: false })
  expect(eras.get('b')).toEqual({})
  await clock.advance(dayMs)
  expect(eras.get('a', true)).toEqual({ modern: true, legacy: false })
  expect(eras.get('a')).toEqual({})
  eras.learn('a', { legacy: true })
  expect(eras.get('a')).toEqual({ legacy: true })
})

test('no more than so many are kept, the newest', () => {
  const eras = new EraVerdicts(new FakeClock())
  for (let number = 0; number <= 256; number++) eras.learn(String(number), { legacy: true })
  expect(eras.get('0')).toEqual({})
  expect(eras.get('256')).toEqual({ legacy: true })
})

test('the key is of what is run: the order of variables and the inherited ones do not matter', () => {
  const spec = { command: 'node', args: ['a'], env: { PATH: '/bin', TOKEN: 'secret', MODE: 'x' } }
  const key = verdictKey(spec, ['TOKEN', 'MODE'], '1')
  expect(verdictKey({ ...spec, env: { ...spec.env, PATH: '/usr/bin' } }, ['MODE', 'TOKEN'], '1')).toBe(key)
  for (const other of [
    verdictKey({ ...spec, args: ['b'] }, ['TOKEN', 'MODE'], '1'),
    verdictKey({ ...spec, env: { ...spec.env, TOKEN: 'other' } }, ['TOKEN', 'MODE'], '1'),
    verdictKey(spec, ['TOKEN', 'MODE'], '2'),
  ])
    expect(other).not.toBe(key)
  expect(key).not.toContain('secret')
})
