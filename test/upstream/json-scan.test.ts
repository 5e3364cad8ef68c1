import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isToolError, progressTokenSpan, scanEnvelope, singleLine, toolName } from '../../electron/upstream/envelope.ts'
import { type Span, scanArray, scanObject, sliceOf, spanAt, splice } from '../../electron/upstream/json-scan.ts'

/** JSON text with random whitespace between the tokens and some characters written as escapes. */
const space = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n', '  ')

function textOf(value: unknown, next: () => string): string {
  const gap = next
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value))
    return `[${gap()}${value.map((item) => textOf(item, gap)).join(`${gap()},${gap()}`)}${gap()}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([k, v]) => `${escapedKey(k)}${gap()}:${gap()}${textOf(v, gap)}`)
    return `{${gap()}${members.join(`${gap()},${gap()}`)}${gap()}}`
  }
  return JSON.stringify(value)
}

/** `{"i\u0064": …}` is the member id. */
function escapedKey(key: string): string {
  if (key.length !== 2) return JSON.stringify(key)
  return `"${[...key].map((c) => (c < ' ' || c > '~' || c === '"' || c === '\\' ? JSON.stringify(c).slice(1, -1) : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)).join('')}"`
}

// Not a lone backslash beside the quote: V8 13.6 (Node 24) reads the key "\"" as "\\" once it has seen an object with that.
const names = ['id', 'method', 'params', 'result', 'error', 'other', '', '"', 'a\\', '__proto__']
const json = fc.jsonValue({ maxDepth: 5 })
const object = fc
  .array(fc.tuple(fc.constantFrom(...names), json), { maxLength: 8 })
  .map((entries) => entries.map(([key, value]) => ({ key, value })))

const document = fc.tuple(object, fc.array(space, { minLength: 1, maxLength: 30 })).map(([entries, gaps]) => {
  let i = 0
  const gap = () => gaps[i++ % gaps.length] ?? ''
  const members = entries.map(({ key, value }) => `${escapedKey(key)}${gap()}:${gap()}${textOf(value, gap)}`)
  return `${gap()}{${gap()}${members.join(`${gap()},${gap()}`)}${gap()}}${gap()}`
})

describe('scanning a JSON object', () => {
  test('finds what JSON.parse finds: escapes, nesting, whitespace, duplicates', () => {
    fc.assert(
      fc.property(document, (text) => {
        const expected = JSON.parse(text)
        const spans = scanObject(text, names)
        expect(spans).toBeDefined()
        names.forEach((name, i) => {
          const span = spans?.[i]
          expect({ text, name, found: span !== undefined }).toEqual({
            text,
            name,
            found: Object.hasOwn(expected, name),
          })
          if (span)
            expect(JSON.parse(sliceOf(text, span))).toEqual(Object.getOwnPropertyDescriptor(expected, name)?.value)
        })
      }),
      { numRuns: 2000 },
    )
  })

  test('never refuses what JSON.parse takes, and never takes broken structure', () => {
    const edit = fc.record({
      at: fc.nat(),
      remove: fc.nat(2),
      insert: fc.constantFrom('', '{', '}', '[', ']', ',', ':', '0', '-', 'x', ' '),
    })
    fc.assert(
      fc.property(document, edit, (text, { at, remove, insert }) => {
        const i = at % (text.length + 1)
        const edited = text.slice(0, i) + insert + text.slice(i + remove)
        const scanned = scanObject(edited, ['id']) !== undefined
        const parsed = parses(edited)
        if (parsed) expect(scanned).toBe(true)
        // What stands inside of a string is not checked; with blanked strings the verdicts are the same.
        else if (scanned) expect(parses(blankStrings(edited))).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test('nothing is found in text that is not one object', () => {
    for (const text of [
      '',
      ' ',
      'null',
      '[]',
      '"{}"',
      '{',
      '{}x',
      '{} {}',
      '{"a":1,}',
      '{,}',
      '{"a"}',
      '{"a":01}',
      '{"a":.5}',
      '{"a":tru}',
      '{"a":"x',
      '{"a":[1}',
      "{'a':1}",
      '{"a":1 "b":2}',
      '{"a":\u00a01}',
    ]) {
      expect(scanObject(text, ['a']), text).toBeUndefined()
    }
  })

  test('finds nested members by path and splices them', () => {
    const text = '{"a":{"_meta":{"x":[{"progressToken":0}],"progressToken": 9007199254740993 }}}'
    const span = spanAt(text, ['a', '_meta', 'progressToken']) as Span
    expect(sliceOf(text, span)).toBe('9007199254740993')
    expect(splice(text, span, '7')).toBe('{"a":{"_meta":{"x":[{"progressToken":0}],"progressToken": 7 }}}')
    expect(spanAt(text, ['a', 'nothing', 'x'])).toBeUndefined()
    expect(spanAt('{"a":[1]}', ['a', 'b'])).toBeUndefined()
  })

  test('nesting a million deep neither overflows the stack nor takes long', () => {
    const deep = `{"result":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},"id":4}`
    expect(scanObject(deep, ['id'])?.[0]).toEqual({ start: deep.length - 2, end: deep.length - 1 })
  })

  test('a text of nothing but escaped quotes and backslashes is scanned in linear time', () => {
    const millis = (size: number) => {
      const text = `{"a":"${'\\\\'.repeat(size)}${'\\"'.repeat(size)}","id":1}`
      const started = performance.now()
      expect(scanObject(text, ['id'])?.[0]).toBeDefined()
      return performance.now() - started
    }
    millis(1000)
    // Quadratic would take minutes.
    expect(millis(2_000_000)).toBeLessThan(2000)
  })
})

describe('the envelope of a message', () => {
  test('names its parts', () => {
    const text = '{"jsonrpc":"2.0","id":9007199254740993,"method":"a/b","params":[1]}'
    const envelope = scanEnvelope(text)
    expect(envelope?.id && sliceOf(text, envelope.id)).toBe('9007199254740993')
    expect(envelope?.params && sliceOf(text, envelope.params)).toBe('[1]')
    expect(envelope?.result).toBeUndefined()
  })

  test('a progress token is a string or a number, wherever its key hides', () => {
    const token = (params: string) => {
      const span = progressTokenSpan(params)
      return span && sliceOf(params, span)
    }
    expect(token('{"_meta":{"progressToken":"a\\"b"}}')).toBe('"a\\"b"')
    expect(token('{"_meta":{"progressToken":-1.50}}')).toBe('-1.50')
    expect(token('{"_meta":{"\\u0070rogressToken":3}}')).toBe('3')
    for (const none of [
      '{"_meta":{"progressToken":null}}',
      '{"_meta":{"progressToken":{}}}',
      '{"progressToken":1}',
      '{}',
      '[]',
      '{"x":"progressToken"}',
    ]) {
      expect(token(none), none).toBeUndefined()
    }
  })

  test('a tool error is told from a mention of it', () => {
    expect(isToolError('{"content":[],"isError" : true}')).toBe(true)
    expect(isToolError('{"content":[],"isError":false}')).toBe(false)
    expect(isToolError('{"content":[{"isError":true}]}')).toBe(false)
    expect(isToolError('{"content":[{"text":"\\"isError\\":true"}]}')).toBe(false)
  })

  test('the name of a tool is read with its escapes', () => {
    expect(toolName('{"arguments":{"name":"no"},"name":"\\u00e4\\n"}')).toBe('ä\n')
    expect(toolName('{"name":5}')).toBeNull()
    expect(toolName(undefined)).toBeNull()
  })

  test('line breaks between tokens become spaces, so that a message stays one line', () => {
    expect(singleLine('{\r\n"a":"\\n"}')).toBe('{  "a":"\\n"}')
    const same = '{"a":1}'
    expect(singleLine(same)).toBe(same)
  })
})

/** Whether the text is one JSON object. */
function parses(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function blankStrings(text: string): string {
  return text.replace(/"(?:[^"\\]|\\[\s\S])*"/g, '""')
}

test('the elements of an array are spans of its text; what is no array has none', () => {
  const elements = (text: string) => scanArray(text)?.map((span) => sliceOf(text, span))
  expect(elements(' [ 1.0, {"a":[2, 3]} ,"x]" , [] ] ')).toEqual(['1.0', '{"a":[2, 3]}', '"x]"', '[]'])
  expect(elements('[]')).toEqual([])
  for (const text of ['', '{}', '[', '[1', '[1,', '[1,]', '[,1]', '[1 2]', '[1]]', '[1}'])
    expect(elements(text), text).toBeUndefined()
})
