import { describe, expect, test, vi } from 'vitest'
import { LineSplitter } from '../../electron/process/line-splitter.ts'

function split(chunks: Iterable<Buffer>, maxLineBytes = 1024) {
  const lines: string[] = []
  const tooLong: { bytes: number; head: string; tail: string }[] = []
  let mostHeld = 0
  const splitter = new LineSplitter(maxLineBytes, {
    onLine: (line) => lines.push(line),
    onLineTooLong: (bytes, head, tail) => tooLong.push({ bytes, head, tail }),
  })
  for (const chunk of chunks) {
    splitter.push(chunk)
    mostHeld = Math.max(mostHeld, splitter.heldBytes)
  }
  splitter.end()
  return { lines, tooLong, mostHeld }
}

/** Every way to cut it in two, and byte by byte. */
function* cuts(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
  yield [...bytes].map((byte) => Buffer.of(byte))
}

describe('LineSplitter', () => {
  test('lines are the same wherever the bytes are cut', () => {
    const bytes = Buffer.from('{"a":"Grüße"}\n\n{"b":"世界 🌍"}\r\nlone \r stays\nlast')
    const whole = ['{"a":"Grüße"}', '', '{"b":"世界 🌍"}', 'lone \r stays', 'last']
    for (const chunks of cuts(bytes)) expect(split(chunks).lines).toEqual(whole)
  })

  test('several lines in one chunk are told in order', () => {
    expect(split([Buffer.from('1\n2\n3\n4\n')]).lines).toEqual(['1', '2', '3', '4'])
  })

  test('a line of exactly the limit is a line, one byte more is too long', () => {
    const { lines, tooLong } = split([Buffer.from(`${'a'.repeat(16)}\n${'b'.repeat(17)}\nc\n`)], 16)
    expect(lines).toEqual(['a'.repeat(16), 'c'])
    expect(tooLong).toEqual([{ bytes: 17, head: 'b'.repeat(17), tail: 'b'.repeat(17) }])
  })

  test('of a line over the limit its size and both ends are told, wherever it is cut, and the next line is whole', () => {
    const bytes = Buffer.from(`before\n{"id":1,${'x'.repeat(3000)},"last":2}\nafter\n`)
    for (const chunks of cuts(bytes)) {
      const { lines, tooLong } = split(chunks)
      expect(lines).toEqual(['before', 'after'])
      expect(tooLong).toHaveLength(1)
      expect(tooLong[0]?.bytes).toBe(3018)
      expect(tooLong[0]?.head.startsWith('{"id":1,')).toBe(true)
      expect(tooLong[0]?.tail.endsWith(',"last":2}')).toBe(true)
    }
  })

  test('a line over the limit is not kept while it passes', () => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const { tooLong, mostHeld } = split(
      Array.from({ length: 800 }, () => chunk),
      1024 * 1024,
    )
    expect(tooLong[0]?.bytes).toBe(800 * 64 * 1024)
    expect(mostHeld).toBeLessThanOrEqual(1024 * 1024 + 64 * 1024)
  })

  test('an empty stream has no line', () => {
    expect(split([]).lines).toEqual([])
    expect(split([Buffer.from('a\n')]).lines).toEqual(['a'])
  })

  // Counted, not timed: time on a shared machine says little, and quadratic work shows in bytes copied as well.
  test('26: a line that spans a thousand chunks is copied once and decoded once', () => {
    const concat = vi.spyOn(Buffer, 'concat')
    const decode = vi.spyOn(Buffer.prototype, 'toString')
    const chunks = Array.from({ length: 1000 }, () => Buffer.alloc(1000, 'x'))
    const { lines } = split([...chunks, Buffer.from('\n')], 2_000_000)
    const copied = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0)
    const decodes = decode.mock.calls.length
    vi.restoreAllMocks()
    expect(lines.map((line) => line.length)).toEqual([1_000_000])
    expect(copied).toBe(1_000_000)
    expect(decodes).toBe(1)
  })

  test('26: of a line over the limit only its ends are copied, however long it is', () => {
    const concat = vi.spyOn(Buffer, 'concat')
    const chunks = Array.from({ length: 1000 }, () => Buffer.alloc(64 * 1024, 'x'))
    const { tooLong } = split([...chunks, Buffer.from('\n')], 1000)
    const copied = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0)
    vi.restoreAllMocks()
    expect(tooLong[0]?.bytes).toBe(1000 * 64 * 1024)
    // 512 bytes for each chunk that passes: less than 1 % of what has passed.
    expect(copied).toBeLessThan(1000 * 64 * 1024 * 0.01)
  })
})
