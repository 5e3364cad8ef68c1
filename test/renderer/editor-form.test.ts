import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { argumentsToText, textToArguments } from '../../renderer/features/editor/arguments.ts'
import { durationText, parseDuration } from '../../renderer/features/editor/duration.ts'
import { checkForm, fieldOf, findingsByField } from '../../renderer/features/editor/findings.ts'
import { type EditorForm, emptyForm, entryToForm, formToEntry, pairRow } from '../../renderer/features/editor/form.ts'
import { limitFields, limitHelp, limitId } from '../../renderer/features/editor/limits.ts'
import { readPairs } from '../../renderer/features/editor/pairs.ts'
import { poolLimitsSchema, timeoutsSchema } from '../../shared/config.ts'

const form = (changes: Partial<EditorForm>): EditorForm => ({ ...emptyForm(), ...changes })
const limits = (changes: Record<string, string>) => ({ ...emptyForm().limits, ...changes })

describe('arguments as text', () => {
  test('any list of arguments comes back exactly, blanks, quotes and line breaks included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', ' ', '"a"', 'a\nb', '"', '""'))),
        (args) => {
          expect(textToArguments(argumentsToText(args))).toEqual(args)
        },
      ),
    )
  })

  test('ordinary arguments stand there as they are, one per line, and blank lines are skipped', () => {
    expect(argumentsToText(['-y', 'a b', '--x="1"'])).toBe('-y\na b\n--x="1"')
    expect(textToArguments('  -y\n\n a b \r\n')).toEqual(['-y', 'a b'])
  })
})

describe('durations', () => {
  test('every duration of whole milliseconds is written in a form that reads back exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_147_483_647 }), (ms) => {
        expect(parseDuration(durationText(ms))).toBe(ms)
      }),
    )
  })

  test.each([
    ['10 min', 600_000],
    ['1.5s', 1_500],
    ['1 min 30 s', 90_000],
    ['2 hours', 7_200_000],
    ['never', 0],
    ['0', 0],
  ])('%s is understood', (text, ms) => expect(parseDuration(text)).toBe(ms))

  test.each(['30', '', 's', '5 parsecs', '1 s and more', '-1 s', '1..5 s'])('“%s” is refused', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  )
})

describe('form and entry', () => {
  const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))
  const key = fc
    .string({ minLength: 1 })
    .filter((text) => text.trim() === text && !text.includes('=') && !text.includes('\0'))
  const unknown = fc.dictionary(
    fc.string().map((text) => `x-${text}`),
    fc.jsonValue(),
  )
  const pool = fc.record(
    {
      maxConnections: fc.integer({ min: 1, max: 256 }),
      idleTimeoutMs: fc.integer({ min: 0, max: 2_147_483_647 }),
      returnQueueMultiplier: fc.constantFrom(2, 2.5, 3, 4),
      mode: fc.constantFrom('on-demand', 'prespawn'),
      somethingNew: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const shared = {
    enabled: fc.boolean(),
    disabled: fc.boolean(),
    protocol: fc.constantFrom('auto', 'legacy', 'modern', 'jsonrpc'),
    isolation: fc.constantFrom('shared', 'session', 'multiplex'),
    pool,
    timeouts: fc.record({ connectTimeoutMs: fc.integer({ min: 1, max: 1e9 }) }, { requiredKeys: [] }),
  }
  const stdio = fc.record(
    {
      type: fc.constant('stdio'),
      command: fc.string({ minLength: 1 }),
      args: fc.array(fc.string()),
      env: fc.dictionary(key, scalar),
      cwd: fc.string(),
      ...shared,
    },
    { requiredKeys: ['command'] },
  )
  const http = fc.record(
    {
      type: fc.constantFrom('http', 'sse', 'streamable-http'),
      url: fc.webUrl(),
      headers: fc.dictionary(key, fc.string()),
      command: fc.string(),
      ...shared,
    },
    { requiredKeys: ['url'] },
  )

  test('an entry that nobody touched comes back exactly, unknown keys and value types included', () => {
    fc.assert(
      fc.property(fc.oneof(stdio, http), unknown, (known, others) => {
        const entry = { ...others, ...known }
        expect(formToEntry(entryToForm('x', entry), entry)).toEqual({ entry, issues: [] })
      }),
      { numRuns: 500 },
    )
  })

  test('a changed limit keeps what else stands in the section, and clearing it takes the default again', () => {
    const base = { command: 'a', pool: { maxConnections: 2, later: true }, autoApprove: ['x'] }
    const changed = { ...entryToForm('a', base), limits: limits({ 'pool.idleTimeoutMs': '5 min' }) }
    expect(formToEntry(changed, base).entry).toEqual({
      command: 'a',
      autoApprove: ['x'],
      pool: { later: true, idleTimeoutMs: 300_000 },
    })
  })

  test('an untouched variable keeps its number, a changed one becomes text, a removed one is gone', () => {
    const base = { command: 'a', env: { PORT: 80, DEBUG: true, OLD: 'x' } }
    const before = entryToForm('a', base)
    const env = before.env.flatMap((row) =>
      row.key === 'OLD' ? [] : [row.key === 'DEBUG' ? { ...row, value: 'false' } : row],
    )
    expect(formToEntry({ ...before, env }, base).entry.env).toEqual({ PORT: 80, DEBUG: 'false' })
  })

  test('a switch from command to URL leaves nothing of the command behind', () => {
    const base = { type: 'stdio', command: 'a', args: ['b'], env: { A: '1' }, cwd: '/', note: 1 }
    const changed = { ...entryToForm('a', base), transport: 'http' as const, url: 'http://127.0.0.1:1/mcp' }
    expect(formToEntry(changed, base).entry).toEqual({ type: 'http', url: 'http://127.0.0.1:1/mcp', note: 1 })
  })

  test('a new form gives the smallest entry: nothing but what was typed', () => {
    expect(formToEntry(form({ command: ' npx ', args: '-y\nx' })).entry).toEqual({ command: 'npx', args: ['-y', 'x'] })
  })

  test('what is no value is an issue at its place and leaves the value before', () => {
    const base = { command: 'a', pool: { maxUses: 7 } }
    const { entry, issues } = formToEntry(
      { ...entryToForm('a', base), limits: limits({ 'pool.maxUses': 'many' }) },
      base,
    )
    expect(entry.pool).toEqual({ maxUses: 7 })
    expect(issues).toEqual([{ path: ['pool', 'maxUses'], message: 'a whole number' }])
  })
})

describe('findings', () => {
  const at = (changes: Partial<EditorForm>, field: string) =>
    findingsByField(checkForm(form({ name: 'ok', command: 'node', ...changes }), {}, { checkName: true }), []).get(
      field,
    )

  test('a form that is fine has none', () => {
    expect(checkForm(form({ name: 'ok', command: 'node' }), {}, { checkName: true })).toEqual([])
  })

  test('each wrong value is found at its own field, in words that say what is expected', () => {
    expect(at({ name: '' }, 'name')?.message).toBe('a name is needed')
    expect(at({ command: '' }, 'command')?.message).toBe('a command is needed')
    expect(at({ transport: 'http', url: 'ftp://x' }, 'url')?.message).toBe('an http or https URL is needed')
    expect(at({ limits: limits({ 'pool.maxConnections': '0' }) }, 'pool.maxConnections')?.message).toBe('at least 1')
    expect(
      at({ limits: limits({ 'pool.healthCheckIntervalMs': '1 ms' }) }, 'pool.healthCheckIntervalMs')?.message,
    ).toBe('at least 10 ms')
    expect(at({ limits: limits({ 'pool.idleTimeoutMs': '30' }) }, 'pool.idleTimeoutMs')?.message).toContain('30 s')
    expect(
      at({ limits: limits({ 'pool.maxConnections': '2', 'pool.minIdle': '3' }) }, 'pool.minIdle')?.message,
    ).toContain('at most')
  })

  test('a variable without a name and one that stands there twice are found at their own rows', () => {
    const nameless = pairRow('', 'x')
    const first = pairRow('A', '1')
    const twice = pairRow('A', '2')
    expect(at({ env: [nameless] }, `env.${nameless.id}`)?.message).toBe('a name is needed')
    expect(at({ env: [first, twice] }, `env.${first.id}`)).toBeUndefined()
    expect(at({ env: [first, twice] }, `env.${twice.id}`)?.message).toContain('twice')
  })

  test('the name of an upstream that is being edited is not checked, because it can’t be changed', () => {
    expect(checkForm(form({ name: '*odd*', command: 'a' }), {}, { checkName: false })).toEqual([])
  })

  test('an error of the host stands over a local warning, and a local error over one of the host', () => {
    const local = { path: ['command'], level: 'error' as const, message: 'local' }
    const host = { path: ['command'], level: 'error' as const, message: 'host' }
    expect(findingsByField([local], [host]).get('command')?.message).toBe('local')
    expect(findingsByField([{ ...local, level: 'warning' }], [host]).get('command')?.message).toBe('host')
  })

  test('a path that no field shows is a finding of the whole form', () => {
    expect(fieldOf(['pool', 'unheardOf'])).toBe('form')
    expect(fieldOf([])).toBe('form')
    expect(fieldOf(['args', 3])).toBe('args')
  })
})

test('the editor offers every limit that an entry can set, each with a line of help', () => {
  const offered = limitFields.map(limitId).sort()
  const inSchema = [
    ...Object.keys(poolLimitsSchema.shape).map((key) => `pool.${key}`),
    ...Object.keys(timeoutsSchema.shape).map((key) => `timeouts.${key}`),
  ].sort()
  expect(offered).toEqual(inSchema)
  for (const field of limitFields) expect(limitHelp(field)).not.toBe('')
})

describe('pasted variables', () => {
  test('lines of an .env file become rows, with comments, “export” and quotes taken off', () => {
    const rows = readPairs('# keys\nexport A=1\nB="x y"\n\nC=\'z\'\nD=a=b')
    expect(rows.map(({ key, value }) => [key, value])).toEqual([
      ['A', '1'],
      ['B', 'x y'],
      ['C', 'z'],
      ['D', 'a=b'],
    ])
  })

  test('anything else is pasted as it is', () => {
    expect(readPairs('just a token')).toEqual([])
    expect(readPairs('A=1\nnot a pair')).toEqual([])
    expect(readPairs('')).toEqual([])
  })
})
