import { beforeEach, describe, expect, test } from 'vitest'
import { applyFrame, fromSnapshot, type Model, withSeries } from '../../renderer/store/model.ts'
import { share } from '../../renderer/store/share.ts'
import type { Frame, Point } from '../../shared/contract.ts'
import { FakeWorld } from './fake-world.ts'

let world: FakeWorld
let model: Model

beforeEach(() => {
  world = new FakeWorld()
  model = fromSnapshot(structuredClone(world.snapshot()), null)
})

function frame(parts: Partial<Frame> = {}): Frame {
  return structuredClone({
    seq: model.seq + 1,
    at: Date.now(),
    upstreams: [],
    removed: [],
    events: [],
    points: {},
    ...parts,
  })
}

function apply(parts: Partial<Frame>): Model {
  const next = applyFrame(model, frame(parts))
  if (!next) throw new Error('the frame was taken for a gap')
  return next
}

function upstreamOf(name: string) {
  const upstream = world.upstreams.get(name)
  if (!upstream) throw new Error(`no upstream ${name}`)
  return structuredClone(upstream)
}

function pointAt(t: number): Point {
  const [point] = world.points.get('demo') ?? []
  if (!point) throw new Error('no points')
  return { ...point, t }
}

test.each(['constructor', 'toString', 'hasOwnProperty'])(
  'an upstream may be named %s, and is not there before',
  (name) => {
    const points = [pointAt(1)]
    expect(model.upstreams[name]).toBeUndefined()
    expect(model.connectionIds[name]).toBeUndefined()
    expect(withSeries(model, name, points).points[name]).toEqual(points)
    const next = apply({ upstreams: [{ ...upstreamOf('demo'), name }], points: { [name]: points } })
    expect(next.upstreams[name]?.name).toBe(name)
    expect(next.names).toContain(name)
    expect(next.points[name]).toEqual(points)
    const later = fromSnapshot(structuredClone(world.snapshot()), next)
    expect(later.upstreams[name]).toBeUndefined()
  },
)

describe('applying frames', () => {
  test('an upstream that comes again unchanged keeps its identity', () => {
    const next = apply({ upstreams: [upstreamOf('demo'), upstreamOf('github')] })
    expect(next.upstreams.demo).toBe(model.upstreams.demo)
    expect(next.connections.github).toBe(model.connections.github)
    expect(next.names).toBe(model.names)
  })

  test('one changed connection leaves its siblings and every other part untouched', () => {
    const demo = upstreamOf('demo')
    const [first, second, third] = demo.connections
    if (!first || !second || !third) throw new Error('demo has three connections')
    second.served += 1
    const next = apply({ upstreams: [demo] })
    expect(next.connections.demo?.[second.id]?.served).toBe(second.served)
    expect(next.connections.demo?.[second.id]).not.toBe(model.connections.demo?.[second.id])
    expect(next.connections.demo?.[first.id]).toBe(model.connections.demo?.[first.id])
    expect(next.connections.demo?.[third.id]).toBe(model.connections.demo?.[third.id])
    expect(next.upstreams.demo?.pool).toBe(model.upstreams.demo?.pool)
    expect(next.connectionIds.demo).toBe(model.connectionIds.demo)
    expect(next.upstreams.github).toBe(model.upstreams.github)
  })

  test('a connection that left does not disturb the rows after it', () => {
    const demo = upstreamOf('demo')
    const [gone, ...rest] = demo.connections
    if (!gone) throw new Error('demo has connections')
    demo.connections = rest
    const next = apply({ upstreams: [demo] })
    expect(next.connectionIds.demo).toEqual(rest.map(({ id }) => id))
    for (const { id } of rest) expect(next.connections.demo?.[id]).toBe(model.connections.demo?.[id])
    expect(next.connections.demo?.[gone.id]).toBeUndefined()
  })

  test('a removed upstream is gone with its rows and points; an added one comes last', () => {
    const added = { ...upstreamOf('demo'), name: 'fresh' }
    const next = apply({ removed: ['demo'], upstreams: [added] })
    expect(next.names).not.toContain('demo')
    expect(next.names.at(-1)).toBe('fresh')
    expect(next.connections.demo).toBeUndefined()
    expect(next.points.demo).toBeUndefined()
  })

  test('a frame that is in the snapshot already changes nothing', () => {
    const old = { ...frame({ removed: ['demo'] }), seq: model.seq }
    expect(applyFrame(model, old)).toBe(model)
  })

  test('a missing number asks for a snapshot', () => {
    expect(applyFrame(model, { ...frame(), seq: model.seq + 2 })).toBeNull()
  })

  test('events are kept newest first, each once, and not without end', () => {
    const [newest] = model.events
    if (!newest) throw new Error('the world has events')
    const more = Array.from({ length: 600 }, (_, i) => ({ ...newest, id: newest.id + 1 + i }))
    const next = apply({ events: [newest, ...more, ...more.slice(0, 5)] })
    expect(next.events).toHaveLength(500)
    expect(next.events[0]?.id).toBe(newest.id + 600)
    expect(new Set(next.events.map(({ id }) => id)).size).toBe(500)
  })

  test('an empty frame keeps every part', () => {
    const next = apply({})
    const { seq: _seq, at: _at, ...parts } = next
    for (const [key, part] of Object.entries(parts)) expect(part).toBe(model[key as keyof Model])
  })
})

describe('points', () => {
  test('five minutes are kept, and a second that comes twice counts once', () => {
    const points = Array.from({ length: 400 }, (_, i) => pointAt(1_000 + i))
    model = apply({ points: { demo: points } })
    const next = apply({ seq: model.seq + 1, points: { demo: [pointAt(1_399), pointAt(1_400)] } })
    expect(next.points.demo).toHaveLength(300)
    expect(next.points.demo?.at(-2)?.t).toBe(1_399)
    expect(next.points.demo?.at(-1)?.t).toBe(1_400)
  })

  test('a loaded series goes under the points that came meanwhile', () => {
    model = apply({ points: { demo: [pointAt(12), pointAt(13)] } })
    const next = withSeries(model, 'demo', [pointAt(10), pointAt(11), pointAt(12)])
    expect(next.points.demo?.map(({ t }) => t)).toEqual([10, 11, 12, 13])
  })

  test("another host's points are not carried over into its successor's", () => {
    model = apply({ points: { demo: [pointAt(12)] } })
    const same = fromSnapshot(world.snapshot(), model)
    expect(same.points.demo).toHaveLength(1)
    const snapshot = structuredClone(world.snapshot())
    snapshot.host.startedAt += 1
    expect(fromSnapshot(snapshot, model).points).toEqual({})
  })
})

describe('sharing', () => {
  test('equal values are the previous ones, whatever their depth', () => {
    const previous = { a: [1, { b: [null, 'x'] }], c: { d: undefined } }
    expect(share(previous, structuredClone(previous))).toBe(previous)
  })

  test('a change is seen in every parent and in no sibling', () => {
    const previous = { left: { x: 1 }, right: { y: [1, 2] } }
    const next = share(previous, { left: { x: 1 }, right: { y: [1, 3] } })
    expect(next).toEqual({ left: { x: 1 }, right: { y: [1, 3] } })
    expect(next.left).toBe(previous.left)
    expect(next.right).not.toBe(previous.right)
  })

  test('a key that is missing differs from one that is undefined', () => {
    expect(Object.keys(share({ a: 1, b: undefined }, { a: 1 } as object))).toEqual(['a'])
    expect(Object.keys(share({ a: 1, c: 2 }, { a: 1, b: undefined }))).toEqual(['a', 'b'])
  })
})
