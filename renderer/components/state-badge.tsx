import {
  Ban,
  Circle,
  CircleCheck,
  CircleDot,
  CirclePause,
  CircleX,
  Handshake,
  KeyRound,
  LoaderCircle,
  type LucideIcon,
  Rocket,
  ShieldAlert,
  ShieldCheck,
  ShieldQuestionMark,
  Square,
  TriangleAlert,
  Undo2,
  Waves,
} from 'lucide-react'
import type { ConnectionState, PoolSnapshot, UpstreamState } from '../../shared/contract.ts'
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
  unauthorized: { tone: 'backoff', icon: KeyRound, word: 'Sign-in needed' },
  suspended: { tone: 'draining', icon: CirclePause, word: 'Suspended' },
  draining: { tone: 'draining', icon: Waves, word: 'Draining' },
  stopped: { tone: 'idle', icon: Square, word: 'Stopped' },
  unsupported: { tone: 'backoff', icon: Ban, word: 'Unsupported' },
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

export type StateBadgeProps = { className?: string } & (
  | { kind: 'upstream'; state: UpstreamState }
  | { kind: 'connection'; state: ConnectionState }
  | { kind: 'breaker'; state: PoolSnapshot['breaker']['state'] }
)

export function lookOf(props: StateBadgeProps): StateLook {
  switch (props.kind) {
    case 'upstream':
      return upstreamLook[props.state]
    case 'connection':
      return connectionLook[props.state]
    case 'breaker':
      return breakerLook[props.state]
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
