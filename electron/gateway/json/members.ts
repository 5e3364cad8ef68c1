import { scanObject, sliceOf } from '../../upstream/envelope.ts'
import type { JsonText } from '../../upstream/types.ts'

/** One member of a JSON object, as it stands in the object's text. */
export interface Member {
  key: string
  value: JsonText
  /** Key, colon and value. */
  text: JsonText
}

/**
 * The members of a valid JSON object, in order. Editing an object as a list of texts keeps every byte of what is not
 * touched: numbers beyond 2^53, unknown members, spacing.
 */
export function membersOf(object: JsonText): Member[] {
  const members: Member[] = []
  let i = skipSpace(object, object.indexOf('{') + 1)
  while (i < object.length && object[i] !== '}') {
    const keyEnd = stringEnd(object, i)
    const valueStart = skipSpace(object, skipSpace(object, keyEnd) + 1)
    const end = valueEnd(object, valueStart)
    members.push({
      key: JSON.parse(object.slice(i, keyEnd)) as string,
      value: object.slice(valueStart, end),
      text: object.slice(i, end),
    })
    i = skipSpace(object, end)
    if (object[i] === ',') i = skipSpace(object, i + 1)
  }
  return members
}

/** The texts of the elements of a valid JSON array. */
export function elementsOf(array: JsonText): JsonText[] {
  const elements: JsonText[] = []
  let i = skipSpace(array, array.indexOf('[') + 1)
  while (i < array.length && array[i] !== ']') {
    const end = valueEnd(array, i)
    elements.push(array.slice(i, end))
    i = skipSpace(array, end)
    if (array[i] === ',') i = skipSpace(array, i + 1)
  }
  return elements
}

/** The text of one member; undefined when there is none. */
export function memberOf(object: JsonText, key: string): JsonText | undefined {
  const span = scanObject(object, [key])?.[0]
  return span && sliceOf(object, span)
}

export const objectOf = (members: readonly Pick<Member, 'text'>[]): JsonText =>
  `{${members.map(({ text }) => text).join(',')}}`

export const memberText = (key: string, value: JsonText): JsonText => `${JSON.stringify(key)}:${value}`

/** `object` without the members that `drop` names; the same text when there are none. */
export function without(object: JsonText, drop: (key: string) => boolean): JsonText {
  const members = membersOf(object)
  const kept = members.filter(({ key }) => !drop(key))
  return kept.length === members.length ? object : objectOf(kept)
}

/** `object` with a member set: in the place of the one of that key, or as the last. */
export function withMember(object: JsonText, key: string, value: JsonText): JsonText {
  const text = memberText(key, value)
  const members = membersOf(object)
  if (!members.some((member) => member.key === key)) return append(object, text)
  return objectOf(members.map((member) => (member.key === key ? { text } : member)))
}

/** `object` with the text of further members at its end, which must not be there yet. */
export function append(object: JsonText, members: JsonText): JsonText {
  const end = object.lastIndexOf('}')
  let last = end - 1
  while (isSpace(object.charCodeAt(last))) last--
  return `${object.slice(0, end)}${object[last] === '{' ? '' : ','}${members}}`
}

const isSpace = (c: number): boolean => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09

function skipSpace(text: string, i: number): number {
  while (isSpace(text.charCodeAt(i))) i++
  return i
}

/** @param i index of the opening quote @returns index after the closing one */
function stringEnd(text: string, i: number): number {
  for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++
  return i + 1
}

function valueEnd(text: string, i: number): number {
  if (text[i] === '"') return stringEnd(text, i)
  let depth = 0
  while (i < text.length) {
    const c = text[i]
    if (c === '"') {
      i = stringEnd(text, i)
      continue
    }
    if (c === '{' || c === '[') depth++
    else if (c === '}' || c === ']') {
      // The end of what holds a scalar.
      if (depth === 0) return i
      if (--depth === 0) return i + 1
    } else if (depth === 0 && (c === ',' || isSpace(text.charCodeAt(i)))) return i
    i++
  }
  return i
}
