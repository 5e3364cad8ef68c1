import { isRecord } from './revisions.ts'

/** An argument of a tool that its client repeats in an `Mcp-Param-<name>` header (`x-mcp-header` of the input schema). */
export interface HeaderParam {
  path: readonly string[]
  header: string
  numeric: boolean
}

/** RFC 9110, section 5.1. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const permitted: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])
/** What is taken from a client that sends it; the SDK's servers check it where it stands. */
const tolerated: ReadonlySet<unknown> = new Set([...permitted, 'number'])

/**
 * The declarations of an input schema, at any depth of `properties`. Where one is invalid no header is expected; `number`
 * is not permitted either, but taken.
 */
export const headerParams = (schema: unknown): HeaderParam[] => declarationsIn(schema, tolerated) ?? []

/** Whether clients must leave a tool with this schema out (MCP 2026-07-28, server/tools, "x-mcp-header"). */
export const isMisdeclared = (schema: unknown): boolean => declarationsIn(schema, permitted) === undefined

/** @returns undefined when one of them is invalid */
function declarationsIn(schema: unknown, types: ReadonlySet<unknown>): HeaderParam[] | undefined {
  const found: HeaderParam[] = []
  const names = new Set<string>()
  const visit = (node: unknown, path: readonly string[]): boolean => {
    if (!isRecord(node)) return true
    if ('x-mcp-header' in node) {
      const { 'x-mcp-header': header, type } = node
      if (path.length === 0 || typeof header !== 'string' || !token.test(header)) return false
      if (!types.has(type) || names.has(header.toLowerCase())) return false
      names.add(header.toLowerCase())
      found.push({ path, header, numeric: type === 'integer' || type === 'number' })
    }
    for (const [key, child] of Object.entries(node)) {
      if (key === 'properties' && isRecord(child)) {
        for (const [name, property] of Object.entries(child)) if (!visit(property, [...path, name])) return false
      } else if (key !== 'x-mcp-header' && subschemaKeys.has(key) && declares(child)) return false
    }
    return true
  }
  return visit(schema, []) ? found : undefined
}

/** A declaration below one of these is out of place. */
const subschemaKeys = new Set([
  'items',
  'prefixItems',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'patternProperties',
  'dependentSchemas',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
  '$defs',
  'definitions',
])

function declares(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(declares)
  if (!isRecord(value)) return false
  return 'x-mcp-header' in value || Object.values(value).some(declares)
}

/** The argument that a declaration is about; undefined when it is not there. */
export function argumentAt(args: unknown, path: readonly string[]): unknown {
  let value = args
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** As a header carries it; undefined for what can't be one, and for an argument that is absent or null. */
export function headerText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value)
}
