import {
  Circle,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CirclePause,
  CircleX,
  Globe,
  Handshake,
  Hourglass,
  KeyRound,
  LoaderCircle,
  LockOpen,
  type LucideIcon,
  RefreshCw,
  Rocket,
  ShieldAlert,
  ShieldBan,
  ShieldCheck,
  ShieldQuestionMark,
  Square,
  TriangleAlert,
  Undo2,
  Waves,
} from 'lucide-react'
import type { AuthView, ConnectionState, PoolSnapshot, StreamSnapshot, UpstreamState } from '../../shared/contract.ts'
import { Badge, type Tone } from './badge.tsx'

export interface StateLook {
  tone: Tone
  icon: LucideIcon
  word: string
}

export const upstreamLook: Record<UpstreamState, StateLook> = {
  starting: { tone: 'starting', icon: Rocket, word: 'Starting' },
  ready: { tone: 'ok', icon: CircleCheck, word: 'Ready' },
  busy: { tone: 'active', icon: CircleDot, word: 'Busy' },
  idle: { tone: 'idle', icon: Circle, word: 'Idle' },
  failing: { tone: 'dead', icon: TriangleAlert, word: 'Failing' },
  unauthorized: { tone: 'backoff', icon: KeyRound, word: 'No access' },
  suspended: { tone: 'draining', icon: CirclePause, word: 'Suspended' },
  draining: { tone: 'draining', icon: Waves, word: 'Draining' },
  stopped: { tone: 'idle', icon: Square, word: 'Stopped' },
}

export const connectionLook: Record<ConnectionState, StateLook> = {
  spawning: { tone: 'starting', icon: LoaderCircle, word: 'Spawning' },
  handshaking: { tone: 'starting', icon: Handshake, word: 'Handshake' },
  idle: { tone: 'idle', icon: Circle, word: 'Idle' },
  leased: { tone: 'active', icon: CircleDot, word: 'Active' },
  returning: { tone: 'active', icon: Undo2, word: 'Returning' },
  draining: { tone: 'draining', icon: Waves, word: 'Draining' },
  dead: { tone: 'dead', icon: CircleX, word: 'Dead' },
}

export const breakerLook: Record<PoolSnapshot['breaker']['state'], StateLook> = {
  closed: { tone: 'ok', icon: ShieldCheck, word: 'Breaker closed' },
  open: { tone: 'dead', icon: ShieldAlert, word: 'Breaker open' },
  'half-open': { tone: 'backoff', icon: ShieldQuestionMark, word: 'Breaker half-open' },
}

/** A server that has no stream of a kind is fine without: quiet, and no failure. */
export const streamLook: Record<StreamSnapshot['state'], StateLook> = {
  idle: { tone: 'idle', icon: Circle, word: 'Not opened' },
  connecting: { tone: 'starting', icon: LoaderCircle, word: 'Connecting' },
  open: { tone: 'ok', icon: CircleCheck, word: 'Open' },
  waiting: { tone: 'backoff', icon: Hourglass, word: 'Waiting' },
  unsupported: { tone: 'idle', icon: CircleDashed, word: 'Server offers none' },
  stopped: { tone: 'draining', icon: Square, word: 'Stopped' },
}

export const authLook: Record<AuthView['state'], StateLook> = {
  'not-needed': { tone: 'idle', icon: LockOpen, word: 'No sign-in needed' },
  'signed-out': { tone: 'backoff', icon: KeyRound, word: 'Signed out' },
  discovering: { tone: 'starting', icon: LoaderCircle, word: 'Signing in' },
  registering: { tone: 'starting', icon: LoaderCircle, word: 'Signing in' },
  'waiting-for-browser': { tone: 'starting', icon: Globe, word: 'Waiting for the browser' },
  exchanging: { tone: 'starting', icon: LoaderCircle, word: 'Signing in' },
  'signed-in': { tone: 'ok', icon: ShieldCheck, word: 'Signed in' },
  refreshing: { tone: 'ok', icon: RefreshCw, word: 'Signed in' },
  failed: { tone: 'dead', icon: CircleX, word: 'Sign-in failed' },
  forbidden: { tone: 'dead', icon: ShieldBan, word: 'Not allowed' },
}

export type StateBadgeProps = { className?: string } & (
  | { kind: 'upstream'; state: UpstreamState }
  | { kind: 'connection'; state: ConnectionState }
  | { kind: 'breaker'; state: PoolSnapshot['breaker']['state'] }
  | { kind: 'stream'; state: StreamSnapshot['state'] }
  | { kind: 'auth'; state: AuthView['state'] }
)

export function lookOf(props: StateBadgeProps): StateLook {
  switch (props.kind) {
    case 'upstream':
      return upstreamLook[props.state]
    case 'connection':
      return connectionLook[props.state]
    case 'breaker':
      return breakerLook[props.state]
    case 'stream':
      return streamLook[props.state]
    case 'auth':
      return authLook[props.state]
  }
}

/** A state as glyph, word and colour. */
export function StateBadge(props: StateBadgeProps) {
  const { tone, icon, word } = lookOf(props)
  return (
    <Badge tone={tone} icon={icon} {...(props.className ? { className: props.className } : {})}>
      {word}
    </Badge>
  )
}
