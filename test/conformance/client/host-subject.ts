import { setTimeout as delay } from 'node:timers/promises'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { AuthView } from '../../../shared/state.ts'
import { type Served, serve } from '../../support/serve.ts'
import { browse } from './browser.ts'
import type { Subject, SubjectOptions } from './subject.ts'

const name = 'target'
/** States of a sign-in that go on by themselves. */
const passing: ReadonlySet<AuthView['state']> = new Set([
  'discovering',
  'registering',
  'waiting-for-browser',
  'exchanging',
  'refreshing',
])
/** Those in which the window offers a sign-in. */
const offered: ReadonlySet<AuthView['state']> = new Set(['signed-out', 'failed', 'forbidden'])

/** The built host with the suite's server as its only upstream, as a user configures it. */
export async function hostSubject(options: SubjectOptions): Promise<Subject> {
  const served = await serve({
    config: {
      mcpServers: { [name]: { type: 'http', url: options.url, protocol: options.protocol, ...oauthOf(options) } },
    },
    args: ['--port', '0', '--auth', 'none', '--log-level', 'error'],
  })
  return {
    async connect(newClient) {
      const client = newClient()
      await client.connect(new StreamableHTTPClientTransport(new URL(served.ready.mcp[name] ?? '')))
      return client
    },
    async signIn() {
      const before = await authOf(served)
      if (before?.kind !== 'oauth' || !offered.has(before.state)) return false
      const { authorizationUrl } = await served.command('upstream.signIn', { upstream: name })
      if (authorizationUrl === null) return false
      await browse(authorizationUrl)
      return (await settled(served)) === 'signed-in'
    },
    async close() {
      await served.stop()
      process.stderr.write(served.stderr())
    },
  }
}

function oauthOf({ registered, clientMetadataUrl }: SubjectOptions) {
  return registered || clientMetadataUrl ? { oauth: { ...registered, clientMetadataUrl } } : {}
}

async function authOf(served: Served): Promise<AuthView | null> {
  const { upstreams } = await served.command('snapshot.get', {})
  return upstreams.find((upstream) => upstream.name === name)?.auth ?? null
}

/** The redirect has reached the host: it goes on by itself, and within its own time limits. */
async function settled(served: Served): Promise<AuthView['state'] | undefined> {
  for (;;) {
    const state = (await authOf(served))?.state
    if (state === undefined || !passing.has(state)) return state
    await delay(20)
  }
}
