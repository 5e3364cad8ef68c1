import type { UpstreamSnapshot } from '../../shared/contract.ts'

type Transport = UpstreamSnapshot['transport']

/** What a connection is called: a process of ours, or a session at somebody's server. */
export interface ConnectionWords {
  one: string
  many: string
  /** With a capital, for titles. */
  One: string
  Many: string
}

const process: ConnectionWords = { one: 'process', many: 'processes', One: 'Process', Many: 'Processes' }
const session: ConnectionWords = { one: 'session', many: 'sessions', One: 'Session', Many: 'Sessions' }

/** Whether the server runs elsewhere: no PID, no memory, no stderr, but streams and a sign-in. */
export const isRemote = (transport: Transport | undefined): boolean => transport === 'http' || transport === 'sse'

export const connectionWords = (transport: Transport | undefined): ConnectionWords =>
  isRemote(transport) ? session : process

/** A connection's id without its upstream's name, which stands above it anyhow: `github#12` is `#12`. */
export const shortId = (id: string): string => id.slice(Math.max(0, id.lastIndexOf('#')))
