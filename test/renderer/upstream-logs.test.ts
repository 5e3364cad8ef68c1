import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { paletteColor, plainText, splitMatches, styledText } from '../../renderer/features/upstream/logs/ansi.ts'

const esc = '\u001b'
const plain = { color: null, bold: false, dim: false, italic: false, underline: false }

describe('a line of stderr', () => {
  test('plain text is one run', () => expect(styledText('hello')).toEqual([{ ...plain, text: 'hello' }]))

  test('colours and weights become runs', () => {
    expect(styledText(`a ${esc}[1;31mb${esc}[0m c ${esc}[92md`)).toEqual([
      { ...plain, text: 'a ' },
      { ...plain, text: 'b', color: 'red', bold: true },
      { ...plain, text: ' c ' },
      { ...plain, text: 'd', color: 'green' },
    ])
  })

  test('256 and true colours keep their value', () => {
    expect(styledText(`${esc}[38;5;208mx`)[0]?.color).toEqual({ rgb: '255, 135, 0' })
    expect(styledText(`${esc}[38;2;1;2;3mx`)[0]?.color).toEqual({ rgb: '1, 2, 3' })
    expect(paletteColor(232)).toBe('8, 8, 8')
    expect(paletteColor(15)).toBeNull()
  })

  test('markup stays text', () => {
    expect(plainText('<img src=x onerror=alert(1)>&amp;')).toBe('<img src=x onerror=alert(1)>&amp;')
  })

  test('titles, links and cursor movements are dropped, their text is kept', () => {
    expect(
      plainText(`${esc}]0;title\u0007a${esc}[2J${esc}[10;3Hb${esc}]8;;http://x${esc}\\link${esc}]8;;${esc}\\`),
    ).toBe('ablink')
  })

  test('a rewritten line shows its last text, as a terminal does', () => {
    expect(plainText('10%\r50%\r100%')).toBe('100%')
    expect(plainText('done\r')).toBe('done')
  })

  test('characters that hide or turn text are shown as what they are', () => {
    expect(plainText('a\u202eb\u0008c\u200bd')).toBe('a\\u202eb\\u0008c\\u200bd')
  })

  test('whatever is printed, nothing deceptive is left and nothing is thrown', () => {
    const nasty = fc.string({
      unit: fc.oneof(
        fc.constantFrom(esc, '[', ']', 'm', ';', '3', '\r', '\u0007', '<', '\u202e'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    })
    fc.assert(
      fc.property(nasty, (line) => {
        expect(plainText(line)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
      }),
    )
  })
})

describe('search', () => {
  test('finds every place, whatever the case', () => {
    expect(splitMatches('Error: an error', 'error')).toEqual([
      { text: 'Error', match: true },
      { text: ': an ', match: false },
      { text: 'error', match: true },
    ])
  })

  test('the parts together are the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'İ') }),
        fc.string({ unit: fc.constantFrom('a', 'b') }),
        (text, query) => {
          expect(
            splitMatches(text, query)
              .map((part) => part.text)
              .join(''),
          ).toBe(text)
        },
      ),
    )
  })
})
