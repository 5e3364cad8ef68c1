import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkForm, fieldOf, findingsByField } from '../../renderer/features/editor/findings.ts'
import { type EditorForm, emptyForm, entryToForm, formToEntry, pairRow } from '../../renderer/features/editor/form.ts'
import { oauthFields, oauthHelp, oauthSet, oauthToForm } from '../../renderer/features/editor/oauth.ts'
import { readPairs } from '../../renderer/features/editor/pairs.ts'
import { guessUrlName, nameFor, readPaste } from '../../renderer/features/editor/paste.ts'
import { oauthSchema } from '../../shared/config.ts'

const url = 'https://x.test/mcp'
const form = (changes: Partial<EditorForm>): EditorForm => ({
  ...emptyForm(),
  name: 'ok',
  transport: 'http',
  url,
  ...changes,
})
const oauth = (changes: Partial<EditorForm['oauth']>) => ({ ...oauthToForm(undefined), ...changes })
const at = (changes: Partial<EditorForm>, field: string) =>
  findingsByField(checkForm(form(changes), {}, { checkName: true }), []).get(field)

describe('the entry of a server elsewhere', () => {
  test('what nobody touched comes back exactly, whatever stands under oauth', () => {
    const settings = fc.record(
      { clientId: fc.string(), scope: fc.string(), redirectPort: fc.integer(), later: fc.jsonValue() },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        fc.constantFrom('http', 'sse', 'streamableHttp'),
        fc.oneof(settings, fc.jsonValue()),
        (type, oauth) => {
          const entry = { type, url, oauth }
          expect(formToEntry(entryToForm('x', entry), entry)).toEqual({ entry, issues: [] })
        },
      ),
    )
  })

  test('the old transport is chosen for certain, the other is found out; nothing else changes with it', () => {
    const base = { type: 'streamable-http', url, headers: { A: 'b' }, note: 1 }
    const sse = formToEntry({ ...entryToForm('x', base), transport: 'sse' }, base).entry
    expect(sse).toEqual({ ...base, type: 'sse' })
    expect(entryToForm('x', sse).transport).toBe('sse')
    expect(formToEntry({ ...entryToForm('x', sse), transport: 'http' }, sse).entry).toEqual({ ...base, type: 'http' })
  })

  test('a switch to a command leaves nothing of the URL behind, the sign-in neither', () => {
    const base = { type: 'http', url, headers: { A: 'b' }, oauth: { clientId: 'me' }, note: 1 }
    const changed = { ...entryToForm('x', base), transport: 'stdio' as const, command: 'npx' }
    expect(formToEntry(changed, base).entry).toEqual({ command: 'npx', note: 1 })
  })

  test('settings of the sign-in are written as typed, a port as a number; cleared ones are gone, unknown ones stay', () => {
    const base = { url, oauth: { clientId: 'old', scope: 'a', later: true } }
    const changed = { ...entryToForm('x', base), oauth: oauth({ clientId: ' new ', redirectPort: '8123' }) }
    expect(formToEntry(changed, base).entry.oauth).toEqual({ clientId: 'new', later: true, redirectPort: 8123 })
    expect(formToEntry(form({}), {}).entry).toEqual({ type: 'http', url })
  })

  test('switched off is false, and switched on again nothing', () => {
    const off = formToEntry(form({ oauth: oauth({ off: true, clientId: 'x' }) })).entry
    expect(off.oauth).toBe(false)
    const on = { ...entryToForm('x', off), oauth: oauth({ off: false }) }
    expect(formToEntry(on, off).entry).toEqual({ type: 'http', url })
    expect([oauthSet(oauth({})), oauthSet(oauth({ off: true })), oauthSet(oauth({ scope: 'a' }))]).toEqual([0, 1, 1])
  })

  test('the editor offers every setting of the sign-in, each with a line of help', () => {
    expect(oauthFields.map(({ key }) => key).sort()).toEqual(Object.keys(oauthSchema.shape).sort())
    for (const { key } of oauthFields) expect(oauthHelp(key)).not.toBe('')
  })
})

describe('what is wrong with it', () => {
  test('is found at its own field', () => {
    expect(checkForm(form({}), {}, { checkName: true })).toEqual([])
    expect(at({ url: 'x.test/mcp' }, 'url')?.message).toBe('an http or https URL is needed')
    expect(at({ oauth: oauth({ redirectPort: 'any' }) }, 'oauth.redirectPort')?.message).toContain('whole number')
    expect(at({ oauth: oauth({ redirectPort: '70000' }) }, 'oauth.redirectPort')?.level).toBe('error')
    expect(at({ oauth: oauth({ clientMetadataUrl: 'http://x.test' }) }, 'oauth.clientMetadataUrl')?.level).toBe('error')
  })

  test('a header that can’t be sent is found at its row', () => {
    const odd = pairRow('X Key', 'a')
    const broken = pairRow('X-Key', 'a\nb')
    expect(at({ headers: [odd] }, `headers.${odd.id}`)?.message).toContain('name')
    expect(at({ headers: [broken] }, `headers.${broken.id}`)?.message).toContain('line breaks')
    expect(at({ headers: [pairRow('Authorization', 'Bearer ${TOKEN}')] }, 'headers')).toBeUndefined()
    expect(at({ transport: 'stdio', command: 'x', headers: [odd] }, `headers.${odd.id}`)).toBeUndefined()
  })

  test('paths of the host find their fields', () => {
    expect(fieldOf(['oauth', 'clientId'])).toBe('oauth.clientId')
    expect(fieldOf(['oauth', 'unheardOf'])).toBe('oauth')
    expect(fieldOf(['headers', 'Authorization'])).toBe('headers.Authorization')
  })
})

describe('a paste', () => {
  test.each([
    ['https://mcp.linear.app/sse', 'linear'],
    ['https://api.githubcopilot.com/mcp/', 'githubcopilot'],
    ['https://example.com/github/mcp', 'github'],
    ['https://mcp.example.co.uk/v1/mcp?x=1&y=2', 'example'],
    ['http://127.0.0.1:8080/mcp', ''],
    ['http://localhost:3000/notes', 'notes'],
    ['https://[::1]/mcp', ''],
  ])('of %s is a server named “%s”', (text, name) => {
    expect(readPaste(` ${text}\n`)).toEqual({
      kind: 'servers',
      from: 'url',
      servers: [{ name, entry: { type: 'http', url: text } }],
    })
    expect(guessUrlName(text)).toBe(name)
  })

  test('of a client’s entry with a URL keeps its headers and its type', () => {
    const entry = { type: 'sse', url: 'https://mcp.example.com/sse', headers: { Authorization: 'Bearer ${TOKEN}' } }
    expect(readPaste(JSON.stringify({ mcpServers: { remote: entry } }))).toMatchObject({
      servers: [{ name: 'remote', entry }],
    })
    expect(readPaste(JSON.stringify(entry))).toMatchObject({ servers: [{ name: 'example', entry }] })
    expect(entryToForm('remote', entry)).toMatchObject({ transport: 'sse', url: entry.url })
  })

  test.each([
    [
      'claude mcp add --transport http notion https://mcp.notion.com/mcp',
      { name: 'notion', entry: { type: 'http', url: 'https://mcp.notion.com/mcp' } },
    ],
    [
      'claude mcp add -t sse old https://x.test/sse -H "X-Key: a: b" --header "B: c"',
      { name: 'old', entry: { type: 'sse', url: 'https://x.test/sse', headers: { 'X-Key': 'a: b', B: 'c' } } },
    ],
    [
      'claude mcp add --scope user db --env URL=a=b -- npx -y @x/db --transport stdio',
      { name: 'db', entry: { command: 'npx', args: ['-y', '@x/db', '--transport', 'stdio'], env: { URL: 'a=b' } } },
    ],
  ])('of a client’s command is what it would add: %s', (text, server) => {
    expect(readPaste(text)).toEqual({ kind: 'servers', from: 'command', servers: [server] })
  })

  test('of another command of that client is a command as any other', () => {
    expect(readPaste('claude mcp serve')).toMatchObject({
      servers: [{ entry: { command: 'claude', args: ['mcp', 'serve'] } }],
    })
  })

  test('brings its name; one without a name leaves what was typed, but not the name of another paste', () => {
    const nameless = { name: '', entry: { url: 'http://127.0.0.1:1/sse' } }
    expect(nameFor({ ...nameless, name: 'linear' }, 'mine', '')).toBe('linear')
    expect(nameFor(nameless, 'mine', '')).toBe('mine')
    expect(nameFor(nameless, 'linear', 'linear')).toBe('')
    expect(nameFor(nameless, 'mine', 'linear')).toBe('mine')
  })

  test('of header lines becomes rows; of a token it stays a paste', () => {
    const pairs = (text: string) => readPairs(text, 'headers').map(({ key, value }) => [key, value])
    expect(pairs('Authorization: Bearer a:b\nX-Key:c')).toEqual([
      ['Authorization', 'Bearer a:b'],
      ['X-Key', 'c'],
    ])
    expect(pairs('A=1')).toEqual([['A', '1']])
    expect(pairs('Bearer abc')).toEqual([])
    expect(readPairs('Authorization: x')).toEqual([])
  })
})
