import type { UpstreamSnapshot } from '../../../shared/state.ts'
import { argumentsToText, textToArguments } from './arguments.ts'
import { type LimitField, limitFields, limitId, limitText, parseLimit } from './limits.ts'
import { type OAuthForm, oauthToForm, setOAuth } from './oauth.ts'

/** An entry as it stands in a config file; what the form does not know is kept as it is. */
export type RawEntry = Readonly<Record<string, unknown>>

/** A row of environment variables or headers. The id is React's key and the input's identity. */
export interface PairRow {
  id: number
  key: string
  value: string
}

/** How a server is reached; `http` finds out which of the HTTP transports it speaks, `sse` is the old one for certain. */
export type Transport = UpstreamSnapshot['transport']

/** What the editor holds: texts, exactly as typed. Empty means: not set, the default counts. */
export interface EditorForm {
  name: string
  transport: Transport
  command: string
  /** One argument per line. */
  args: string
  env: readonly PairRow[]
  cwd: string
  url: string
  headers: readonly PairRow[]
  oauth: OAuthForm
  protocol: string
  isolation: string
  /** By {@link limitId}. */
  limits: Readonly<Record<string, string>>
}

/** Something that was typed and can't be taken over into an entry. `path` is the entry's. */
export interface FormIssue {
  path: (string | number)[]
  message: string
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const section = (entry: RawEntry, key: string): Record<string, unknown> => {
  const value = entry[key]
  return isRecord(value) ? value : {}
}

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value))

let lastRowId = 0
export const pairRow = (key = '', value = ''): PairRow => ({ id: ++lastRowId, key, value })

const rowsOf = (record: unknown): PairRow[] =>
  isRecord(record) ? Object.entries(record).map(([key, value]) => pairRow(key, text(value))) : []

export const emptyForm = (): EditorForm => entryToForm('', {})

export function entryToForm(name: string, entry: RawEntry): EditorForm {
  const limits = limitFields.map((field) => {
    const value = section(entry, field.section)[field.key]
    return [limitId(field), typeof value === 'number' ? limitText(field, value) : text(value)] as const
  })
  return {
    name,
    transport: transportOf(entry),
    command: text(entry.command),
    args: Array.isArray(entry.args) ? argumentsToText(entry.args.map(text)) : '',
    env: rowsOf(entry.env),
    cwd: text(entry.cwd),
    url: text(entry.url),
    headers: rowsOf(entry.headers),
    oauth: oauthToForm(entry.oauth),
    protocol: text(entry.protocol),
    isolation: text(entry.isolation),
    limits: Object.fromEntries(limits),
  }
}

function transportOf({ type, url }: RawEntry): Transport {
  if (type === 'sse') return 'sse'
  return url !== undefined || (typeof type === 'string' && type !== 'stdio') ? 'http' : 'stdio'
}

/** A server is reached in one way: what belongs to the other would win over it in some clients. */
function switchTransport(entry: Record<string, unknown>, to: Transport): void {
  for (const key of to === 'stdio' ? ['type', 'url', 'headers', 'oauth'] : ['type', 'command', 'args', 'env', 'cwd']) {
    delete entry[key]
  }
  if (to !== 'stdio') entry.type = to
}

/**
 * The entry that the form stands for. Starts from `base`, so that keys which the form does not show stay, and what was
 * not touched keeps its exact value (a number in `env`, an empty `args`). Texts that are no value are issues and leave
 * the base's value where it was.
 */
export function formToEntry(form: EditorForm, base: RawEntry = {}): { entry: RawEntry; issues: FormIssue[] } {
  const entry: Record<string, unknown> = { ...base }
  const issues: FormIssue[] = []
  if (form.transport !== transportOf(base)) switchTransport(entry, form.transport)
  if (form.transport === 'stdio') {
    setText(entry, 'command', form.command.trim(), base)
    setArguments(entry, form.args, base)
    setPairs(entry, 'env', form.env, base, issues)
    setText(entry, 'cwd', form.cwd.trim(), base)
  } else {
    setText(entry, 'url', form.url.trim(), base)
    setPairs(entry, 'headers', form.headers, base, issues)
    setOAuth(entry, form.oauth, base, issues)
  }
  setText(entry, 'protocol', form.protocol, base)
  setText(entry, 'isolation', form.isolation, base)
  setLimits(entry, form, base, issues)
  return { entry, issues }
}

function setText(entry: Record<string, unknown>, key: string, value: string, base: RawEntry): void {
  if (value === text(base[key]).trim() && key in base) entry[key] = base[key]
  else if (value === '') delete entry[key]
  else entry[key] = value
}

function setArguments(entry: Record<string, unknown>, typed: string, base: RawEntry): void {
  const args = textToArguments(typed)
  const before = Array.isArray(base.args) ? base.args : undefined
  if (before && before.length === args.length && before.every((argument, i) => text(argument) === args[i])) {
    entry.args = before
  } else if (args.length > 0) entry.args = args
  else delete entry.args
}

function setPairs(
  entry: Record<string, unknown>,
  key: 'env' | 'headers',
  rows: readonly PairRow[],
  base: RawEntry,
  issues: FormIssue[],
): void {
  const before = section(base, key)
  const after: [string, unknown][] = []
  const seen = new Set<string>()
  for (const row of rows) {
    const name = row.key.trim()
    if (name === '' && row.value === '') continue
    const wrong = pairProblem(name, key, seen)
    if (wrong) issues.push({ path: [key, row.id], message: wrong })
    seen.add(name)
    const untouched = Object.hasOwn(before, name) && text(before[name]) === row.value
    after.push([name, untouched ? before[name] : row.value])
  }
  if (after.length > 0 || isRecord(base[key])) entry[key] = Object.fromEntries(after)
  else delete entry[key]
}

function pairProblem(name: string, kind: 'env' | 'headers', seen: ReadonlySet<string>): string | undefined {
  if (name === '') return 'a name is needed'
  if (seen.has(name)) return `${name} stands here twice`
  if (kind === 'env' && /[=\0]/.test(name)) return 'a variable’s name has no “=”'
  return undefined
}

function setLimits(entry: Record<string, unknown>, form: EditorForm, base: RawEntry, issues: FormIssue[]): void {
  for (const name of ['pool', 'timeouts'] as const) {
    const before = section(base, name)
    const after: Record<string, unknown> = { ...before }
    for (const field of limitFields) if (field.section === name) setLimit(after, field, form, issues)
    if (Object.keys(after).length > 0 || isRecord(base[name])) entry[name] = after
    else delete entry[name]
  }
}

function setLimit(after: Record<string, unknown>, field: LimitField, form: EditorForm, issues: FormIssue[]): void {
  const typed = (form.limits[limitId(field)] ?? '').trim()
  if (typed === '') {
    delete after[field.key]
    return
  }
  const parsed = parseLimit(field, typed)
  if ('value' in parsed) after[field.key] = parsed.value
  else issues.push({ path: [field.section, field.key], message: parsed.expected })
}

/** Whether the two forms hold the same texts; row ids don't count. */
export function sameForm(a: EditorForm, b: EditorForm): boolean {
  const plain = (form: EditorForm) => {
    const pairs = (rows: readonly PairRow[]) => rows.map((row) => [row.key, row.value])
    return JSON.stringify({ ...form, env: pairs(form.env), headers: pairs(form.headers) })
  }
  return plain(a) === plain(b)
}
