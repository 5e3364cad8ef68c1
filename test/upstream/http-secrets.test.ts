import { expect, test } from 'vitest'
import type { Fault } from '../fixtures/http/index.ts'
import { failureOf } from './failure.ts'
import { diaryOf, reach, serve } from './http-support.ts'
import { callTool } from './support.ts'

const secrets = ['PATH0SECRET0OF0AN0ACCOUNT', 'QUERY0SECRET', 'HEADER0SECRET', 'VARIABLE0SECRET', 'TOKEN0SECRET']
const [path, query, header, variable, token] = secrets

const echo = `cannot POST /s/${path}/mcp?key=${query} with ${header}, ${variable} and ${token}`
const html = { 'content-type': 'text/html' }
const json = { 'content-type': 'application/json' }
const faults: [string, Fault][] = [
  ['a page', { kind: 'reply', status: 400, headers: html, body: `<pre>${echo}</pre>` }],
  ['a page that is cut', { kind: 'reply', status: 500, headers: html, body: `${'x'.repeat(90)} ${echo}` }],
  ['an error', { kind: 'reply', status: 500, headers: json, body: `{"error":{"code":-1,"message":"${echo}"}}` }],
  ['JSON that is no answer', { kind: 'reply', status: 200, headers: json, body: `{"said":"${echo}"}` }],
  ['a challenge', { kind: 'reply', status: 401, headers: { 'www-authenticate': `Bearer realm="${echo}"` } }],
  ['a redirect', { kind: 'reply', status: 301, headers: { location: `/s/${path}/mcp/?key=${query}` } }],
  ['a redirect elsewhere', { kind: 'reply', status: 307, headers: { location: `http://localhost:1/s/${path}/mcp` } }],
]

test.each(faults)('what a server repeats of the secrets of its entry is shown nowhere: %s', async (_, fault) => {
  const server = await serve({ eras: ['legacy'] })
  server.inject(fault, { times: Number.POSITIVE_INFINITY })
  const { upstream, told } = reach(
    server.url.replace('/mcp', `/s/${path}/mcp?key=${query}`),
    {
      protocol: 'legacy',
      headers: { 'X-Api-Key': header ?? '', 'X-Token': '${TOKEN}', Authorization: `Bearer ${token}` },
      pool: { acquireTimeoutMs: 300 },
    },
    { variables: (name) => (name === 'TOKEN' ? variable : undefined) },
  )
  const error = await failureOf(upstream.request(callTool('echo')))
  const shown = JSON.stringify([error, error.message, error.data, upstream.view(), told, diaryOf(upstream)])
  expect(shown).toMatch(/was answered with/)
  // Halves of them too.
  expect(secrets.map((secret) => secret.slice(0, 8)).filter((half) => shown.includes(half))).toEqual([])
})
