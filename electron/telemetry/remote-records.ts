import type { AuthView, StreamSnapshot } from '../../shared/state.ts'
import type { StreamPlace, UpstreamEvents } from '../upstream/types.ts'
import type { NewEvent } from './journal.ts'
import { counted, duration, plain } from './text.ts'
import { type About, type Describers, foreign } from './wording.ts'

/** What only upstreams over HTTP tell: their streams, and how they let us in. */

const streamNames: Record<StreamSnapshot['kind'], string> = {
  notifications: 'stream of notifications',
  subscription: 'subscription',
  messages: 'stream of messages',
  response: 'rest of an answer',
}

const theStream = ({ connectionId, kind }: StreamPlace) =>
  `The ${streamNames[kind]} of connection ${plain(connectionId, 40)}`
const ofStream = ({ connectionId, streamId, kind }: StreamPlace) => ({
  connectionId,
  data: { stream: plain(streamId, 80), kind },
})

/** Between them lies a sign-in that is under way. */
const signingIn: ReadonlySet<AuthView['state']> = new Set([
  'discovering',
  'registering',
  'waiting-for-browser',
  'exchanging',
])
const signedIn: ReadonlySet<AuthView['state']> = new Set(['signed-in', 'refreshing'])

export const remoteRecords = {
  'stream.dropped': (event, about) => {
    const { data, connectionId } = ofStream(event)
    const reason = foreign(event.reason, about, 200)
    return {
      kind: 'stream.dropped',
      // A server may end a stream at any time and have us come back (MCP 2025-11-25): no reason to worry.
      level: event.code === null ? 'info' : 'warn',
      message: `${theStream(event)} was lost: ${reason}; next attempt in ${duration(event.retryInMs)}`,
      connectionId,
      data: { ...data, reason, code: event.code, attempt: event.attempt, retryInMs: event.retryInMs },
    }
  },
  'stream.recovered': (event) => {
    const { data, connectionId } = ofStream(event)
    return {
      kind: 'stream.recovered',
      message:
        `${theStream(event)} is open again after ${duration(event.downMs)} and ${counted(event.attempts, 'attempt')}` +
        (event.resumed ? ', where it was lost' : ''),
      connectionId,
      data: { ...data, attempts: event.attempts, downMs: event.downMs, resumed: event.resumed },
    }
  },
  'stream.stopped': (event, about) => ({
    kind: 'stream.stopped',
    message: `${theStream(event)} is not opened again: ${foreign(event.reason, about, 200)}`,
    ...ofStream(event),
  }),
  'auth.changed': ({ view, before }, about) => (view.state === before ? null : authRecord(view, before, about)),
} satisfies Describers<UpstreamEvents>

/** @returns null for steps that only the sign-in panel shows, and for a token that was refreshed */
function authRecord(view: AuthView, before: AuthView['state'], about: About): NewEvent | null {
  const why = view.error === null ? '' : `: ${foreign(view.error, about, 300)}`
  const failed = (message: string): NewEvent => ({ kind: 'auth.failed', level: 'error', message: `${message}${why}` })
  switch (view.state) {
    case 'signed-out':
      if (why === '' && signedIn.has(before)) return { kind: 'auth.signed-out', message: 'Signed out' }
      if (why === '' && signingIn.has(before)) return givenUp
      return { kind: 'auth.required', level: 'warn', message: `A person has to sign in${why}` }
    case 'discovering':
      return { kind: 'auth.started', message: 'A sign-in was started' }
    case 'signed-in':
      if (before === 'refreshing') return null
      // Tokens from before are still there.
      if (signingIn.has(before) && why !== '') return failed('Signing in again failed')
      if (signingIn.has(before) && before !== 'exchanging') return givenUp
      return {
        kind: 'auth.signed-in',
        message: `Signed in${view.issuer === null ? '' : ` at ${foreign(view.issuer, about, 200)}`}`,
        data: { scopes: view.scopes.slice(0, 20).map((scope) => plain(scope, 80)) },
      }
    case 'failed':
      if (view.kind !== 'oauth') return failed('The server does not let us in')
      return failed(signedIn.has(before) ? 'The sign-in is no longer good' : 'Signing in failed')
    case 'forbidden':
      return failed('The server does not allow it')
    default:
      return null
  }
}

const givenUp: NewEvent = { kind: 'auth.signed-out', message: 'The sign-in was given up' }
