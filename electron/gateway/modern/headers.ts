/** Without the optional white space (space, tab) around a field value; linear whatever it holds. */
export function trimOws(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isOws(value.charCodeAt(start))) start++
  while (end > start && isOws(value.charCodeAt(end - 1))) end--
  return start === 0 && end === value.length ? value : value.slice(start, end)
}

const isOws = (c: number): boolean => c === 0x20 || c === 0x09

const prefix = '=?base64?'
const suffix = '?='
const canonicalBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The value that a header carries: between `=?base64?` and `?=` it is Base64 of UTF-8 (specification 2026-07-28,
 * "Value encoding"), else it stands for itself. @returns undefined when the encoding is not valid
 */
export function decodeHeader(value: string): string | undefined {
  if (!value.startsWith(prefix) || !value.endsWith(suffix) || value.length < prefix.length + suffix.length) return value
  const base64 = value.slice(prefix.length, -suffix.length)
  if (!canonicalBase64.test(base64)) return undefined
  try {
    return utf8.decode(Buffer.from(base64, 'base64'))
  } catch {
    return undefined
  }
}
