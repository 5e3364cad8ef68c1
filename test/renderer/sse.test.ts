import { describe, expect, test } from 'vitest'
import { type ServerSentEvent, SseParser } from '../../renderer/bridge/sse.ts'

function parse(...pieces: string[]): ServerSentEvent[] {
  const events: ServerSentEvent[] = []
  const parser = new SseParser((event) => events.push(event))
  for (const piece of pieces) parser.push(piece)
  return events
}

describe('server-sent events', () => {
  test('an event is complete with the blank line, not before', () => {
    expect(parse('data: one\n')).toEqual([])
    expect(parse('data: one\n\n')).toEqual([{ event: 'message', data: 'one' }])
  })

  test('the same events come out however the text is cut', () => {
    const text = ': hello\n\nevent: frame\ndata: {"a":1}\r\ndata:{"b":2}\r\n\r\nid: 4\rdata: last\r\r'
    const whole = parse(text)
    expect(whole).toEqual([
      { event: 'frame', data: '{"a":1}\n{"b":2}' },
      { event: 'message', data: 'last' },
    ])
    for (let cut = 1; cut < text.length; cut++) expect(parse(text.slice(0, cut), text.slice(cut))).toEqual(whole)
    expect(parse(...text)).toEqual(whole)
  })

  test('CRLF cut between its two halves ends one line, not two', () => {
    expect(parse('data: a\r', '\ndata: b\r', '\n\r', '\n')).toEqual([{ event: 'message', data: 'a\nb' }])
  })

  test('comments and events without data are dropped', () => {
    expect(parse(': ping\n\nevent: only\n\ndata\n\n')).toEqual([{ event: 'message', data: '' }])
  })

  test('only one leading space of a value is taken off', () => {
    expect(parse('data:  two\n\n')).toEqual([{ event: 'message', data: ' two' }])
  })

  test('a byte order mark at the start is skipped', () => {
    expect(parse('\uFEFFdata: x\n\n')).toEqual([{ event: 'message', data: 'x' }])
  })
})
