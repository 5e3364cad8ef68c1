import { describe, expect, test } from 'vitest'
import { maxStderrLineChars, StderrRing } from '../../electron/process/stderr-ring.ts'

const texts = (ring: StderrRing) => ring.lines().map(({ text }) => text)

describe('StderrRing', () => {
  test('keeps the newest lines within its bytes and counts the rest as dropped', () => {
    const ring = new StderrRing(39, () => 7)
    for (let i = 0; i < 10; i++) ring.push(Buffer.from(`line ${i}...\n`))
    expect(texts(ring)).toEqual(['line 7...', 'line 8...', 'line 9...'])
    expect(ring.bytes).toBe(30)
    expect(ring.droppedBytes).toBe(70)
    expect(ring.lines().map(({ seq }) => seq)).toEqual([7, 8, 9])
    expect(ring.lines()[0]?.at).toBe(7)
  })

  test('shows the line under way, under the number that it keeps', () => {
    const ring = new StderrRing(1000, () => 0)
    ring.push(Buffer.from('done\nunder w'))
    expect(texts(ring)).toEqual(['done', 'under w'])
    ring.push(Buffer.from('ay\r\n'))
    expect(ring.lines()).toEqual([
      { seq: 0, at: 0, text: 'done' },
      { seq: 1, at: 0, text: 'under way' },
    ])
    expect(ring.droppedBytes).toBe(0)
    expect(ring.tail(1)).toEqual(['under way'])
    expect(ring.tail(0)).toEqual([])
  })

  test('UTF-8 that is split anywhere is put together', () => {
    const ring = new StderrRing(1000, () => 0)
    for (const byte of Buffer.from('Grüße, 世界 🌍\n')) ring.push(Buffer.of(byte))
    expect(texts(ring)).toEqual(['Grüße, 世界 🌍'])
  })

  test('a line without end is cut and does not push the others out', () => {
    const ring = new StderrRing(64 * 1024, () => 0)
    ring.push(Buffer.from('important\n'))
    for (let i = 0; i < 100; i++) ring.push(Buffer.alloc(64 * 1024, 'x'))
    ring.end()
    expect(texts(ring)[0]).toBe('important')
    expect(texts(ring)[1]?.length).toBe(maxStderrLineChars)
    expect(ring.droppedBytes).toBeGreaterThan(6_000_000)
  })

  test('tells each line once to those who listen, and no more after they stop', () => {
    const ring = new StderrRing(1000, () => 0)
    const heard: string[] = []
    const stop = ring.onLine(({ seq, text }) => heard.push(`${seq} ${text}`))
    ring.push(Buffer.from('a\nb'))
    ring.end()
    stop()
    ring.push(Buffer.from('c\n'))
    expect(heard).toEqual(['0 a', '1 b'])
  })
})
