import type { z } from 'zod'
import type { findingSchema } from '../../../shared/commands.ts'
import { entrySchemaFor, upstreamNameSchema } from '../../../shared/config.ts'
import { type EditorForm, formToEntry, type RawEntry } from './form.ts'
import { limitFields, limitId, limitText, parseLimit } from './limits.ts'
import { oauthFields } from './oauth.ts'

export type Finding = z.infer<typeof findingSchema>

/**
 * The field of the form that a path belongs to: `name`, `command`, `args`, `env` rows as `env.KEY` or `env.<row id>`,
 * headers alike, settings of the sign-in as `oauth.clientId`, limits as `pool.maxConnections`. What belongs to no field is `form`, and stands above all of them.
 */
export function fieldOf(path: readonly (string | number)[]): string {
  const [first, second] = path[0] === 'entry' ? path.slice(1) : path
  switch (first) {
    case 'name':
    case 'command':
    case 'args':
    case 'cwd':
    case 'url':
    case 'protocol':
    case 'isolation':
      return first
    case 'env':
    case 'headers':
      return second === undefined ? first : `${first}.${second}`
    case 'oauth':
      return oauthFields.some(({ key }) => key === second) ? `oauth.${second}` : 'oauth'
    case 'pool':
    case 'timeouts': {
      const id = `${first}.${second}`
      return limitFields.some((field) => limitId(field) === id) ? id : 'form'
    }
    default:
      return 'form'
  }
}

/** What is wrong with the form as far as the shared schemas can tell, without asking the host. */
export function checkForm(form: EditorForm, base: RawEntry, options: { checkName: boolean }): Finding[] {
  const { entry, issues } = formToEntry(form, base)
  const findings: Finding[] = issues.map((issue) => ({ ...issue, level: 'error' }))
  if (options.checkName) findings.push(...schemaFindings(upstreamNameSchema, form.name.trim(), ['name']))
  findings.push(...schemaFindings(entrySchemaFor(entry), withTarget(entry), []))
  findings.push(...crossFindings(form))
  if (form.transport !== 'stdio') findings.push(...headerFindings(form))
  return firstPerField(findings)
}

/** An absent command would be reported as "expected string"; an empty one in the words of the schema. */
function withTarget(entry: RawEntry): RawEntry {
  const key = entrySchemaFor(entry).shape
  if ('command' in key && entry.command === undefined) return { ...entry, command: '' }
  if ('url' in key && entry.url === undefined) return { ...entry, url: '' }
  return entry
}

function schemaFindings(schema: z.ZodType, value: unknown, path: (string | number)[]): Finding[] {
  const parsed = schema.safeParse(value)
  if (parsed.success) return []
  return parsed.error.issues.flatMap((issue) => issueFindings(issue, path))
}

function issueFindings(issue: z.core.$ZodIssue, path: (string | number)[]): Finding[] {
  const place = [...path, ...issue.path.filter((part) => typeof part !== 'symbol')]
  // Of `false, or settings` a person who wrote settings meant settings: what is wrong in them is what counts.
  const meant =
    issue.code === 'invalid_union' ? (issue.errors.at(-1) ?? []).filter((inner) => inner.path.length > 0) : []
  if (meant.length > 0) return meant.flatMap((inner) => issueFindings(inner, place))
  return [{ path: place, level: 'error', message: rangeMessage(issue, fieldOf(place)) ?? issue.message }]
}

/** RFC 9110, 5.1 and 5.5: a name is a token, and a value has no line breaks. */
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function headerFindings({ headers }: EditorForm): Finding[] {
  return headers.flatMap(({ id, key, value }): Finding[] => {
    const name = key.trim()
    if (name !== '' && !headerName.test(name))
      return [{ path: ['headers', id], level: 'error', message: 'a header’s name has letters, digits and - only' }]
    if (/[\r\n\0]/.test(value))
      return [{ path: ['headers', id], level: 'error', message: 'a header’s value has no line breaks' }]
    return []
  })
}

/** A limit out of its range is told in the unit of its field: `at least 10 ms`. */
function rangeMessage(issue: z.core.$ZodIssue, id: string): string | undefined {
  const field = limitFields.find((candidate) => limitId(candidate) === id)
  if (!field) return undefined
  if (issue.code === 'too_small') return `at least ${limitText(field, Number(issue.minimum), '0')}`
  if (issue.code === 'too_big') return `at most ${limitText(field, Number(issue.maximum))}`
  return undefined
}

/** Rules between limits that the config's loader enforces too. The file's `defaults` are not known here: set values only. */
function crossFindings(form: EditorForm): Finding[] {
  const max = numberIn(form, 'pool.maxConnections')
  if (max === undefined) return []
  return (['minIdle', 'spares'] as const).flatMap((key): Finding[] => {
    const value = numberIn(form, `pool.${key}`)
    if (value === undefined || value <= max) return []
    return [{ path: ['pool', key], level: 'error', message: `at most the connections allowed (${max})` }]
  })
}

function numberIn(form: EditorForm, id: string): number | undefined {
  const field = limitFields.find((candidate) => limitId(candidate) === id)
  const typed = form.limits[id]?.trim()
  if (!field || !typed) return undefined
  const parsed = parseLimit(field, typed)
  return 'value' in parsed && typeof parsed.value === 'number' ? parsed.value : undefined
}

/** One sentence for each field is enough: the first, errors before warnings. */
export function firstPerField(findings: readonly Finding[]): Finding[] {
  const first = new Map<string, Finding>()
  for (const finding of findings) {
    const field = fieldOf(finding.path)
    const earlier = first.get(field)
    if (!earlier || (earlier.level === 'warning' && finding.level === 'error')) first.set(field, finding)
  }
  return [...first.values()]
}

/** Local findings and the host's, by field; where both speak, the local one counts, because it is about what stands there now. */
export function findingsByField(local: readonly Finding[], host: readonly Finding[]): Map<string, Finding> {
  const byField = new Map<string, Finding>()
  for (const finding of [...firstPerField(local), ...firstPerField(host)]) {
    const field = fieldOf(finding.path)
    const earlier = byField.get(field)
    if (!earlier || (earlier.level === 'warning' && finding.level === 'error')) byField.set(field, finding)
  }
  return byField
}
