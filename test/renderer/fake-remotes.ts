import type { AuthView, StreamSnapshot } from '../../shared/contract.ts'
import type { Plan } from './fake-upstreams.ts'

/**
 * How a made-up stream behaves. steady: open all the time. flaky: lost and found again. down: lost for a while, and each
 * attempt fails until somebody presses "Retry now". none: the server has no such stream.
 */
export interface StreamPlan {
  kind: StreamSnapshot['kind']
  behaviour: 'steady' | 'flaky' | 'down' | 'none'
  resumable?: boolean
}

const idle = { traffic: 0, perSecond: 0, p50Ms: 0, memoryMib: 0, connections: 0, max: 4 }

export const authView = (changes: Partial<AuthView>): AuthView => ({
  kind: 'oauth',
  state: 'signed-out',
  since: Date.now() - 95_000,
  authorizationUrl: null,
  issuer: null,
  scopes: [],
  expiresAt: null,
  storage: 'safe-storage',
  error: null,
  ...changes,
})

const authorizationUrl =
  'https://auth.gitlab.example.com/oauth/authorize?response_type=code&client_id=poolscope-7f3a&redirect_uri=http%3A%2F%2F127.0.0.1%3A53219%2Fcallback&scope=api+read_user&state=vYw2t1&code_challenge=Jx0cE2&code_challenge_method=S256&resource=https%3A%2F%2Fgitlab.example.com%2Fmcp'

/** Servers elsewhere: one for each thing that the window has to show of them. */
export const remotePlans: readonly Plan[] = [
  {
    ...idle,
    name: 'linear',
    target: 'https://mcp.linear.example.com/mcp',
    transport: 'http',
    state: 'ready',
    connections: 2,
    traffic: 0.9,
    perSecond: 3,
    p50Ms: 84,
    streams: [{ kind: 'notifications', behaviour: 'flaky', resumable: true }],
    stats: { reconnectsLastHour: 9 },
    auth: () =>
      authView({
        state: 'signed-in',
        issuer: 'https://auth.linear.example.com',
        scopes: ['read', 'write', 'issues:create'],
        expiresAt: Date.now() + 41 * 60_000,
      }),
  },
  {
    ...idle,
    name: 'sentry',
    target: 'https://mcp.sentry.example.com/sse',
    transport: 'sse',
    state: 'ready',
    connections: 4,
    traffic: 0.4,
    perSecond: 1,
    p50Ms: 131,
    streams: [{ kind: 'messages', behaviour: 'down' }],
    streamsOfOthers: [{ kind: 'messages', behaviour: 'steady' }],
    stats: { reconnectsLastHour: 21 },
    auth: () => authView({ kind: 'none', state: 'not-needed', storage: null }),
  },
  {
    ...idle,
    name: 'docs (remote)',
    target: 'https://docs.example.com/mcp',
    transport: 'http',
    era: 'modern',
    state: 'ready',
    connections: 1,
    traffic: 0.2,
    perSecond: 1,
    p50Ms: 46,
    streams: [
      { kind: 'subscription', behaviour: 'steady' },
      { kind: 'notifications', behaviour: 'none' },
    ],
    auth: () =>
      authView({
        state: 'signed-in',
        issuer:
          'https://login.example.com/realms/a-realm-with-a-very-long-name/protocol/openid-connect/and/then/some/more',
        scopes: Array.from({ length: 30 }, (_, i) => `scope:number-${i}:<b>read</b>`),
        expiresAt: null,
        storage: 'file',
      }),
  },
  {
    ...idle,
    name: 'notion',
    target: 'https://mcp.notion.example.com/mcp',
    transport: 'http',
    state: 'unauthorized',
    auth: () => authView({}),
    failure: {
      code: 'UPSTREAM_UNAUTHORIZED',
      message: 'the server wants to know who asks (POST server/discover was answered with 401): sign in',
      secondsAgo: 95,
    },
  },
  {
    ...idle,
    name: 'gitlab',
    target: 'https://gitlab.example.com/mcp',
    transport: 'http',
    state: 'unauthorized',
    auth: () => authView({ state: 'waiting-for-browser', authorizationUrl, since: Date.now() - 8_000 }),
  },
  {
    ...idle,
    name: 'figma',
    target: 'https://mcp.figma.example.com/mcp',
    transport: 'http',
    state: 'unauthorized',
    auth: () =>
      authView({
        state: 'failed',
        error:
          'access was denied at the authorization server: access_denied, \u202e“The resource owner refused” <script>alert(1)</script>',
      }),
  },
  {
    ...idle,
    name: 'jira',
    target: 'https://jira.example.com/mcp',
    transport: 'http',
    state: 'unauthorized',
    auth: () =>
      authView({
        state: 'forbidden',
        issuer: 'https://auth.jira.example.com',
        scopes: ['read:issues'],
        error: 'the server wants more than was granted: missing scopes write:issues, read:projects',
      }),
  },
  {
    ...idle,
    name: 'stripe',
    target: 'https://mcp.stripe.example.com',
    transport: 'http',
    state: 'unauthorized',
    auth: () =>
      authView({
        kind: 'header',
        state: 'failed',
        storage: null,
        error: 'the server answered 401 to the Authorization header of the entry',
      }),
  },
  {
    ...idle,
    name: 'intranet',
    target: 'https://wiki.corp.example/mcp',
    transport: 'http',
    state: 'failing',
    auth: () => authView({ kind: 'none', state: 'not-needed', storage: null }),
    pool: {
      breaker: { state: 'open', failures: 5, retryAt: 31_000 },
      reconnect: { attempts: 5, nextAt: null, total: 5 },
    },
    stats: { errorsLastHour: 5, reconnectsLastHour: 5 },
    failure: {
      code: 'TLS_FAILED',
      message:
        'the certificate of wiki.corp.example (subject CN=wiki.corp.example, issued by CN=Corp Root CA 2, valid until Jan 12 2031) is signed by an authority that this machine does not know, or the server leaves out a certificate in between; if you trust its issuer, save the certificate of the issuer as a PEM file, set NODE_EXTRA_CA_CERTS to its path and start Poolscope again',
      data: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', host: 'wiki.corp.example', port: 443, written: false },
      secondsAgo: 22,
    },
  },
  {
    ...idle,
    name: 'weather',
    target: 'https://weather.example.com/mcp',
    transport: 'http',
    state: 'failing',
    auth: () => authView({ kind: 'none', state: 'not-needed', storage: null }),
    pool: { reconnect: { attempts: 3, nextAt: 9_000, total: 3 } },
    stats: { errorsLastHour: 3, reconnectsLastHour: 3 },
    failure: {
      code: 'HTTP_STATUS',
      message: 'POST server/discover was answered with HTTP 503: <html><h1>Service Unavailable</h1></html>',
      data: { status: 503, retryAfterMs: 5_000 },
      secondsAgo: 4,
    },
  },
]
