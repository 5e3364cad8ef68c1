import { expect, test } from 'vitest'
import type { SseEvent } from '../../electron/upstream/http/http-client.ts'
import { longestWaitMs } from '../../electron/upstream/http/retry-after.ts'
import { sseEvents } from '../../electron/upstream/http/sse.ts'
import { AppError } from '../../shared/errors.ts'
import { collect } from './http-client-support.ts'

const limit = 16 * 1024 * 1024
const tooLong = () => new AppError('LINE_TOO_LONG', 'too long')

async function* piecesOf(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(chunks: AsyncIterable<Buffer>, max = limit): Promise<SseEvent[]> {
  return collect(sseEvents(chunks, max, tooLong))
}

const readText = (text: string, size = 64 * 1024, max = limit) => read(piecesOf(Buffer.from(text), size), max)

const message = (data: string, more: Partial<SseEvent> = {}): SseEvent => ({
  event: 'message',
  data,
  id: undefined,
  retry: undefined,
  ...more,
})

const sample = [
  '\uFEFF: a comment\n',
  'data: LF äöü 🙂 \u{10FFFF}\n\n',
  'data: CRLF\r\ndata:second line\r\n\r\n',
  'data: CR\r\r',
  'event: endpoint\r\ndata: /messages?id=1\n\n',
  'id: 7\nretry: 1500\ndata:\n\n',
  'id: alone\n\n',
  'retry: 12x\nretry:\nretry: -1\nunknown: field\ndata: {"a":1}\nid: 8\n\n',
  'id: with\0null\ndata: after null\n\n',
  'id: \u0001 in no header\ndata: after a control character\n\n',
  'id\ndata: taken back\n\n',
  'data:  two spaces\n\n',
  'data: cut off without its blank line\n',
].join('')

const sampleEvents: SseEvent[] = [
  message('LF äöü 🙂 \u{10FFFF}'),
  message('CRLF\nsecond line'),
  message('CR'),
  message('/messages?id=1', { event: 'endpoint' }),
  message('', { retry: 1500 }),
  message('', { id: '7' }),
  message('', { id: 'alone' }),
  message('{"a":1}', { id: '8' }),
  message('after null'),
  message('after a control character'),
  message('taken back', { id: '' }),
  message(' two spaces'),
]

test('a stream is read by the standard: ends of lines, comments, ids, retry, a byte order mark, what is cut off', async () => {
  expect(await readText(sample)).toEqual(sampleEvents)
})

test('it does not matter where the bytes are cut, within a character or between CR and LF', async () => {
  const bytes = Buffer.from(sample)
  for (const size of [1, 2, 3, 5, 7]) expect(await readText(sample, size)).toEqual(sampleEvents)
  for (let at = 1; at < bytes.length; at++) {
    const halves = async function* () {
      yield bytes.subarray(0, at)
      yield bytes.subarray(at)
    }
    expect(await read(halves())).toEqual(sampleEvents)
  }
})

test('only one byte order mark is left out, and only at the beginning', async () => {
  // The second one makes the field an unknown one.
  expect(await readText('\uFEFF\uFEFFdata: a\n\ndata: b\n\n')).toEqual([message('b')])
  expect(await readText('data: \uFEFFa\n\n')).toEqual([message('\uFEFFa')])
})

test('a retry that no timer can wait is cut to what it can', async () => {
  expect(await readText(`retry: ${'9'.repeat(400)}\n\n`)).toEqual([message('', { retry: longestWaitMs })])
})

test.each([
  ['one line', 'data: ', '\n\n'],
  ['one line with CRLF', 'data: ', '\r\n\r\n'],
])('an event of 16 MiB in %s, split into small chunks, is read in linear time', async (_, before, after) => {
  const took = async (bytes: number) => {
    const data = Buffer.alloc(bytes, 'ä')
    const whole = Buffer.concat([Buffer.from(before), data, Buffer.from(after)])
    const start = performance.now()
    const [event] = await read(piecesOf(whole, 1_000))
    const ms = performance.now() - start
    expect(event?.data.length).toBe(bytes / 2)
    return ms
  }
  await took(1024 * 1024) // warm
  const quarter = await took(4 * 1024 * 1024)
  const whole = await took(16 * 1024 * 1024)
  // Quadratic would be 16 times as long; the machine is noisy.
  expect(whole).toBeLessThan(quarter * 10 + 100)
})

test('an event of 16 MiB in 200,000 lines is read in linear time', async () => {
  const took = async (lines: number) => {
    const whole = Buffer.from(`${`data: ${'x'.repeat(76)}\n`.repeat(lines)}\n`)
    const start = performance.now()
    const [event] = await read(piecesOf(whole, 1_000))
    const ms = performance.now() - start
    expect(event?.data.length).toBe(lines * 77 - 1)
    return ms
  }
  await took(10_000)
  const quarter = await took(50_000)
  expect(await took(200_000)).toBeLessThan(quarter * 10 + 100)
})

test.each([1, 3, 64 * 1024])('the limit is exact and in bytes, in chunks of %i', async (size) => {
  for (const data of ['ä'.repeat(500), 'x'.repeat(1_000)]) {
    expect(await readText(`data: ${data}\n\n`, size, 1_000)).toEqual([message(data)])
    await expect(readText(`data: ok\n\ndata: ${data}x\n\n`, size, 1_000)).rejects.toThrow('too long')
  }
})

test('what came before an event over the limit is told', async () => {
  const seen: string[] = []
  const reading = async () => {
    const chunks = piecesOf(Buffer.from(`data: first\n\ndata: ${'x'.repeat(5_000)}\n\n`), 64 * 1024)
    for await (const { data } of sseEvents(chunks, 1_000, tooLong)) seen.push(data)
  }
  await expect(reading()).rejects.toThrow('too long')
  expect(seen).toEqual(['first'])
})

test('many lines of one event count together, and an endless line is not kept', async () => {
  await expect(readText(`${'data: x\n'.repeat(1_000)}`, 100, 1_000)).rejects.toThrow('too long')
  await expect(readText(`data: ${'x'.repeat(100_000)}`, 100, 1_000)).rejects.toThrow('too long')
  expect(await readText(`: ${'c'.repeat(100_000)}\ndata: a\n\n`, 100, 1_000)).toEqual([message('a')])
})
