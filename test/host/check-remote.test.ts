import { expect, test } from 'vitest'
import { checkEntry } from '../../electron/host/check-entry.ts'

const variables: Record<string, string> = { TOKEN: 'abc', EMPTY: '', BREAK: 'a\nb', BASE: 'https://mcp.example' }
const check = async (entry: Record<string, unknown>) => {
  const { findings, resolvedCommand } = await checkEntry({
    name: 'docs',
    entry,
    nameTaken: false,
    namePinned: false,
    variables: (name) => variables[name],
    path: undefined,
  })
  expect(resolvedCommand).toBeNull()
  return findings.map(({ level, path, message }) => `${level} ${path.join('.')}: ${message}`)
}
const url = 'https://mcp.example/mcp'

test.each([
  [{ url }],
  [{ url: '${BASE}/mcp', headers: { Authorization: 'Bearer ${TOKEN}' } }],
  [{ url: '${ELSEWHERE:-https://mcp.example}/mcp' }],
  [{ type: 'sse', url, oauth: { clientId: 'own', redirectPort: 0 } }],
  [{ url, oauth: false }],
  [{ url, headers: { 'Content-Type': 'application/json', Accept: '*/*' } }],
  [{ url: 'http://127.0.0.1:8080/mcp', headers: { Authorization: 'Bearer ${TOKEN}' } }],
  [{ url: 'http://[::1]:8080/mcp', headers: { 'X-Api-Key': 'k' } }],
  [{ url: 'http://intranet/mcp', headers: { 'X-Team': 'one' } }],
])('%j is fine', async (entry) => expect(await check(entry)).toEqual([]))

test.each([
  [{ url: 'ftp://mcp.example' }, 'error url: an http or https URL is needed'],
  [{ url: 'mcp.example/mcp' }, 'error url: an http or https URL is needed'],
  [{ url: '${TOKEN}/mcp' }, 'error url: with its variables filled in it is no http or https URL'],
  [{ url: 'https://${UNSET}/mcp' }, 'warning url: url: the environment variable UNSET is not set'],
  [{ url, headers: { A: '${UNSET}' } }, 'warning headers.A: headers.A: the environment variable UNSET is not set'],
  [{ url, oauth: { clientSecret: '${UNSET}' } }, 'warning oauth.clientSecret: oauth.clientSecret: the environment'],
  [{ url, headers: { 'not a name': 'x' } }, 'error headers.not a name: not a valid name of a header'],
  [{ url, headers: { 'X: y': 'x' } }, 'error headers.X: y: not a valid name of a header'],
  [{ url, headers: { A: 'x\r\nB: y' } }, 'error headers.A: a line break'],
  [{ url, headers: { A: '${BREAK}' } }, 'error headers.A: a line break'],
  [{ url, headers: { authorization: '${EMPTY}' } }, 'warning headers.authorization: it is empty'],
  [{ url, headers: { A: 1 } }, 'error headers.A: Invalid input'],
  [{ url: 'https://me:pw@mcp.example/' }, 'warning url: credentials in a URL show up in logs'],
  [
    { url: 'http://mcp.example/mcp', headers: { Authorization: 'Bearer x', 'X-Api-Key': 'k', Accept: 'a' } },
    'warning url: over plain http anyone on the way can read Authorization, X-Api-Key',
  ],
  [
    { url, headers: { Authorization: 'Bearer x' }, oauth: { clientId: 'own' } },
    'warning oauth: the Authorization header comes first',
  ],
  [{ url, oauth: { redirectPort: 70_000 } }, 'error oauth'],
  [{ url, command: 'npx' }, 'warning command: there is a url too'],
  [{ url, headers: { 'Mcp-Session-Id': 'x' } }, 'warning headers.Mcp-Session-Id: Poolscope sets it itself'],
])('%j has one finding: %s', async (entry, finding) => {
  expect(await check(entry)).toEqual([expect.stringContaining(finding)])
})
