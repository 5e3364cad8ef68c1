import { expect, test } from 'vitest'
import { EraVerdicts } from '../../electron/upstream/era-verdicts.ts'
import { processKey } from '../../electron/upstream/stdio/process-spec.ts'
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
  const key = processKey(spec, ['TOKEN', 'MODE'])
  expect(processKey({ ...spec, env: { ...spec.env, PATH: '/usr/bin' } }, ['MODE', 'TOKEN'])).toBe(key)
  for (const other of [
    processKey({ ...spec, args: ['b'] }, ['TOKEN', 'MODE']),
    processKey({ ...spec, env: { ...spec.env, TOKEN: 'other' } }, ['TOKEN', 'MODE']),
  ])
    expect(other).not.toBe(key)
  expect(key).not.toContain('secret')
})
