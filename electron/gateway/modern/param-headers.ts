import { argumentAt, type HeaderParam, headerText } from '../../upstream/header-params.ts'
import { type Call, headerOf } from '../call.ts'
import { mismatchOf, type Refusal } from './classify.ts'
import { decodeHeader, trimOws } from './headers.ts'

const decimal = /^-?\d+(?:\.\d+)?$/

/** Whether the headers repeat the arguments; an argument that is absent or null needs no header. */
export function paramHeaderRefusal(
  params: readonly HeaderParam[],
  args: unknown,
  headers: Call['headers'],
): Refusal | undefined {
  for (const { path, header, numeric } of params) {
    const body = argumentAt(args, path)
    const text = headerText(body)
    if (text === undefined) continue
    const name = `Mcp-Param-${header}`
    const raw = headerOf(headers, name.toLowerCase())
    const where = `arguments.${path.join('.')}`
    if (raw === undefined) return mismatchOf(name, `the body carries ${where}, and there is no ${name} header`)
    const value = decodeHeader(trimOws(raw))
    if (value === undefined) return mismatchOf(name, `the ${name} header is not valid Base64 between =?base64? and ?=`)
    const equal = numeric && typeof body === 'number' && decimal.test(value) ? Number(value) === body : value === text
    if (!equal) return mismatchOf(name, `the body carries ${where} ${JSON.stringify(body)}, and ${name} "${value}"`)
  }
  return undefined
}
