import { describe, expect, test } from 'vitest'
import { webUrl } from '../../renderer/app/web-url.ts'
import { isRemote } from '../../renderer/app/words.ts'
import { visibleText } from '../../renderer/components/visible-text.ts'
import { attentionOrder, isBroken } from '../../renderer/features/overview/order.ts'
import { targetFacts } from '../../renderer/features/upstream/config/target.tsx'
import { diagnose } from '../../renderer/features/upstream/diagnosis.ts'
import { killConsequence, problemsOf } from '../../renderer/features/upstream/problem-list.ts'
import {
  accessBy,
  accessProblem,
  accessTitles,
  mayOfferSignIn,
  saidBeyond,
  stepOf,
} from '../../renderer/features/upstream/sign-in/access.ts'
import { tabFor } from '../../renderer/features/upstream/tabs.ts'
import { ERROR_CODES } from '../../shared/errors.ts'
import { type AuthView, authStates, type Failure, type UpstreamSnapshot } from '../../shared/state.ts'
import { authView } from './fake-remotes.ts'
import { FakeWorld } from './fake-world.ts'

const world = new FakeWorld()
const upstream = (name: string): UpstreamSnapshot => {
  const found = world.upstreams.get(name)
  if (!found) throw new Error(`the fake world has no ${name}`)
  return found
}
const failure = (changes: Partial<Failure>): Failure => ({ code: 'INTERNAL', message: 'm', at: 1_000, ...changes })
const access = (changes: Partial<AuthView>, state: UpstreamSnapshot['state'] = 'unauthorized') =>
  accessProblem({ state, auth: authView(changes) })

describe('what stands between us and a server', () => {
  test('each state of the sign-in asks for its own answer', () => {
    expect(Object.fromEntries(authStates.map((state) => [state, access({ state })]))).toEqual({
      'not-needed': null,
      'signed-out': 'sign-in',
      discovering: 'under-way',
      registering: 'under-way',
      'waiting-for-browser': 'under-way',
      exchanging: 'under-way',
      'signed-in': null,
      refreshing: null,
      failed: 'failed',
      forbidden: 'forbidden',
    })
  })

  test('a token of the configuration is never answered with a sign-in', () => {
    expect(access({ kind: 'header', state: 'not-needed' }, 'ready')).toBeNull()
    expect(access({ kind: 'header', state: 'failed' })).toBe('refused-header')
    expect(access({ kind: 'header', state: 'forbidden' })).toBe('forbidden')
  })

  test('a server that refuses everybody, or a sign-in that is switched off, says that it does not let us in', () => {
    expect(access({ kind: 'none', state: 'failed' })).toBe('refused')
    expect(access({ kind: 'none', state: 'forbidden' })).toBe('refused')
    expect(access({ kind: 'none', state: 'not-needed' }, 'ready')).toBeNull()
  })

  test('that it lets everybody in is said of a server that has let somebody in, and of no other', () => {
    const by = (changes: Partial<AuthView>, seen: boolean) => accessBy(authView({ kind: 'none', ...changes }), seen)
    expect(by({ state: 'not-needed' }, true)).toContain('everybody')
    expect(by({ state: 'not-needed' }, false)).toContain('not known yet')
    expect(by({ state: 'failed' }, true)).toContain('refuses')
    expect(by({ kind: 'header' }, false)).toContain('header')
  })

  test('a server that said what it wants instead of a sign-in is offered none', () => {
    expect(mayOfferSignIn(authView({ kind: 'none', state: 'failed' }))).toBe(false)
    expect(mayOfferSignIn(authView({ kind: 'none', state: 'forbidden' }))).toBe(true)
    expect(mayOfferSignIn(authView({ kind: 'oauth', state: 'failed' }))).toBe(true)
  })

  test('nothing is asked of a person for a stopped upstream, or for a process', () => {
    expect(access({}, 'stopped')).toBeNull()
    expect(accessProblem({ state: 'unauthorized', auth: null })).toBeNull()
  })

  test('the steps follow each other', () => {
    const under = authStates.filter((state) => stepOf(state) >= 0)
    expect(under.map(stepOf)).toEqual([0, 1, 2, 3])
  })

  test('the panel stands first, and the failure that says the same is left out; another failure is not', () => {
    const notion = upstream('notion')
    expect(problemsOf(notion, Date.now()).map(({ kind }) => kind)).toEqual(['access'])
    const unreachable = { ...notion, lastFailure: failure({ code: 'CONNECT_FAILED', at: Date.now() }) }
    expect(problemsOf(unreachable, Date.now()).map(({ kind }) => kind)).toEqual(['access', 'failure'])
    expect(problemsOf({ ...notion, auth: null }, Date.now()).map(({ kind }) => kind)).toEqual(['failure'])
  })

  test('in the overview, who waits for a person is pinned with what is broken, and a lasting loss of streams below it', () => {
    for (const name of ['notion', 'figma', 'jira', 'stripe', 'gitlab'])
      expect(isBroken(upstream(name)), name).toBe(true)
    const order = attentionOrder([...world.upstreams.values()])
    expect(order).toContain('notion')
    expect(order.at(-1)).toBe('sentry')
    expect(order).not.toContain('linear')
  })

  test('every problem has a title', () => {
    for (const title of Object.values(accessTitles)) expect(title.length).toBeGreaterThan(5)
  })
})

describe('text and addresses of servers', () => {
  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vscode://x',
    ' ',
    'example.com',
    '//x.test',
  ])('“%s” is nothing that a browser is sent to', (address) => expect(webUrl(address)).toBeNull())

  test('http and https are', () => {
    expect(webUrl('https://auth.example.com/a?b=c')).toBe('https://auth.example.com/a?b=c')
    expect(webUrl('http://127.0.0.1:1/x')).toBe('http://127.0.0.1:1/x')
  })

  test('nothing in a sentence of a server is hidden, coloured or turned round', () => {
    expect(visibleText('\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u0007')).toBe('red link')
    expect(visibleText('a\u202eb\u200bc\u0000d')).toBe('a\\u202eb\\u200bc\\u0000d')
    expect(visibleText('one\r\n  two')).toBe('one two')
    expect(visibleText('<b>bold</b> &amp; plain')).toBe('<b>bold</b> &amp; plain')
  })
})

describe('the page of a server elsewhere', () => {
  test('has sessions and a log where a process has processes and stderr; old addresses lead to the counterpart', () => {
    expect(['health', 'sessions', 'log', 'config', 'nonsense'].map((tab) => tabFor(tab, true))).toEqual([
      'health',
      'sessions',
      'log',
      'config',
      'health',
    ])
    expect([tabFor('processes', true), tabFor('stderr', true)]).toEqual(['sessions', 'log'])
    expect([tabFor('sessions', false), tabFor('log', false), tabFor('stderr', false)]).toEqual([
      'processes',
      'stderr',
      'stderr',
    ])
    expect([isRemote('stdio'), isRemote('http'), isRemote('sse')]).toEqual([false, true, true])
  })

  test('closing a session speaks of a session', () => {
    expect(killConsequence({ inFlight: 0, state: 'idle', upstream: 'x' }, true)).toContain('another session')
  })
})

test('what the server said is not repeated where it is the title', () => {
  const title = accessTitles['sign-in']
  expect(saidBeyond(title, 'the server wants you to sign in')).toBeUndefined()
  expect(saidBeyond(title, null)).toBeUndefined()
  expect(saidBeyond(title, 'the token has expired')).toBe('the token has expired')
})

describe('what a failure of a server elsewhere means', () => {
  const advice = (changes: Partial<Failure>) => diagnose(failure(changes), true)

  test('every code has a title, a reason and something to do, and none speaks of stderr, PATH or a process', () => {
    for (const code of ERROR_CODES) {
      if (code === 'SPAWN_FAILED' || code === 'STDIN_OVERFLOW') continue // a session can't have them
      const { title, why, steps } = advice({ code })
      expect([title, why, ...steps].every((text) => text.length > 0) && steps.length > 0, code).toBe(true)
      expect([title, why, ...steps].join(' '), code).not.toMatch(/stderr|stdout|\bPATH\b|[Pp]rocess/)
    }
  })

  test('why no connection came about is told apart', () => {
    const title = (code: string) => advice({ code: 'CONNECT_FAILED', data: { code, host: 'x.test' } }).title
    const titles = ['ENOTFOUND', 'ECONNREFUSED', 'EHOSTUNREACH', 'ECONNRESET'].map(title)
    expect(new Set(titles).size).toBe(4)
    expect(advice({ code: 'CONNECT_FAILED', data: { code: 'EAI_AGAIN', host: 'x.test' } }).why).toContain('x.test')
  })

  test('a certificate says what is wrong with it; an unknown issuer is answered with NODE_EXTRA_CA_CERTS', () => {
    const tls = (code: string) => advice({ code: 'TLS_FAILED', data: { code } })
    expect(tls('CERT_HAS_EXPIRED').title).toContain('expired')
    expect(tls('CERT_NOT_YET_VALID').title).toContain('not valid yet')
    expect(tls('ERR_TLS_CERT_ALTNAME_INVALID').title).toContain('another name')
    for (const code of ['DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])
      expect(tls(code).steps.join(' ')).toContain('NODE_EXTRA_CA_CERTS')
    expect(tls('ERR_SSL_WRONG_VERSION_NUMBER').steps.join(' ')).toContain('http://')
  })

  test.each([
    [200, /no MCP server/],
    [404, /no MCP server at this URL/],
    [429, /too often/],
    [503, /server failed/],
    [302, /elsewhere/],
    [415, /refused/],
  ])('HTTP %i', (status, title) => {
    expect(advice({ code: 'HTTP_STATUS', data: { status } }).title).toMatch(title)
    expect(advice({ code: 'HTTP_STATUS', message: `POST x was answered with HTTP ${status}` }).title).toMatch(title)
  })

  test('a forgotten session, silence and a cut are told apart', () => {
    const lost = (data: Record<string, unknown>) => advice({ code: 'CONNECTION_LOST', data }).title
    expect(new Set([lost({ status: 404 }), lost({ reason: 'silence' }), lost({ reason: 'cut-off' })]).size).toBe(3)
  })
})

describe('the entry in Config', () => {
  const facts = (entry: Record<string, unknown>) =>
    Object.fromEntries(targetFacts(entry).map(({ label, value, masked }) => [label, { value, masked }]))

  test('secrets in arguments and in the URL are masked, and there for whoever asks', () => {
    const { Arguments } = facts({ command: 'x', args: ['--api-key', 'abc', '--token=def', '--port', '80'] })
    expect(Arguments).toEqual({
      value: '--api-key\nabc\n--token=def\n--port\n80',
      masked: '--api-key\n••••\n--token=••••\n--port\n80',
    })
    expect(facts({ url: 'https://x.test/mcp?api_key=abc' }).URL?.masked).toBe('https://x.test/mcp?api_key=••••')
  })

  test('values of headers and a client secret are never shown', () => {
    const entry = {
      url: 'https://x.test/mcp',
      headers: { 'X-Key': 'abcdef' },
      oauth: { clientId: 'me', clientSecret: 'abcdef' },
    }
    expect(JSON.stringify(targetFacts(entry))).not.toContain('abcdef')
    expect(facts(entry)['Sign-in']?.value).toBe('clientId me\nclientSecret (hidden)')
    expect(facts({ url: 'https://x.test', oauth: false })['Sign-in']?.value).toBe('switched off')
    expect(facts({ url: 'https://x.test', headers: { authorization: 'a' } })['Sign-in']?.value).toContain('header')
  })
})
