import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BriefMap } from '../../electron/kit/brief-map.ts'

test('holds what a Map holds, however many there are', () => {
  const key = fc.integer({ min: 0, max: 60 })
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constant('set' as const), key) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), key) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const map = new BriefMap<number, string>()
      const model = new Map<number, string>()
      for (const [i, [what, key]] of steps.entries()) {
        if (what === 'set') {
          map.set(key, `${i}`)
          model.set(key, `${i}`)
        } else expect(map.delete(key)).toBe(model.delete(key))
        expect(map.size).toBe(model.size)
        expect(map.get(key)).toBe(model.get(key))
        expect(map.has(key)).toBe(model.has(key))
        expect(map.values().toSorted()).toEqual([...model.values()].toSorted())
        expect(map.any !== undefined).toBe(model.size > 0)
      }
    }),
  )
})

test('values are those of the moment that they were asked for', () => {
  const map = new BriefMap<string, number>()
  for (let i = 0; i < 40; i++) map.set(`k${i}`, i)
  for (const value of map.values()) map.delete(`k${value}`)
  expect(map.size).toBe(0)
  map.set('a', 1)
  map.set('b', 2)
  for (const value of map.values()) map.delete(value === 1 ? 'a' : 'b')
  expect(map.size).toBe(0)
})
