import { CirclePause, CirclePlay, type LucideIcon, Play, Plus, RefreshCw, Square } from 'lucide-react'
import { useCallback } from 'react'
import type { CommandName, UpstreamSnapshot } from '../../shared/contract.ts'
import { plural, useConfirm } from '../components/index.ts'
import { useAction } from '../store/hooks.ts'
import { useStore } from '../store/store.ts'
import { connectionWords } from './words.ts'

/** What a person does to an upstream from a row, a key or the palette. */
export const upstreamVerbs = ['spawn', 'restart', 'suspend', 'resume', 'stop', 'start'] as const
export type UpstreamVerb = (typeof upstreamVerbs)[number]

interface UpstreamAction {
  label: string
  icon: LucideIcon
  /** For tooltips and the palette. */
  hint: string
  command: Extract<CommandName, `upstream.${UpstreamVerb}`>
  /** Whether it is offered. Only what the host said is looked at; the host has the last word anyway. */
  offered: (upstream: UpstreamSnapshot) => boolean
}

const isStopped = ({ state }: UpstreamSnapshot) => state === 'stopped'
const isSuspended = ({ pool }: UpstreamSnapshot) => pool.state === 'suspended'
const isRunning = (upstream: UpstreamSnapshot) => !isStopped(upstream)

export const upstreamActions: Record<UpstreamVerb, UpstreamAction> = {
  spawn: {
    label: 'Spawn',
    icon: Plus,
    hint: 'Open one more connection now',
    command: 'upstream.spawn',
    offered: (upstream) => isRunning(upstream) && !isSuspended(upstream),
  },
  restart: {
    label: 'Restart',
    icon: RefreshCw,
    hint: 'Replace every connection one after the other; requests go on',
    command: 'upstream.restart',
    offered: isRunning,
  },
  suspend: {
    label: 'Suspend',
    icon: CirclePause,
    hint: 'Grant nothing until resumed',
    command: 'upstream.suspend',
    offered: (upstream) => isRunning(upstream) && !isSuspended(upstream),
  },
  resume: {
    label: 'Resume',
    icon: CirclePlay,
    hint: 'Grant again',
    command: 'upstream.resume',
    offered: (upstream) => isRunning(upstream) && isSuspended(upstream),
  },
  stop: {
    label: 'Stop',
    icon: Square,
    hint: 'Stop it and its connections, and remember that',
    command: 'upstream.stop',
    offered: (upstream) => !isStopped(upstream),
  },
  start: {
    label: 'Start',
    icon: Play,
    hint: 'Start it again, and remember that',
    command: 'upstream.start',
    offered: isStopped,
  },
}

/** The verbs of a row, always as many and in the same places: Suspend and Resume share one, Stop and Start another. */
export function rowVerbs(upstream: UpstreamSnapshot): readonly UpstreamVerb[] {
  return ['spawn', 'restart', isSuspended(upstream) ? 'resume' : 'suspend', isStopped(upstream) ? 'start' : 'stop']
}

/** Runs a verb on an upstream; stopping asks first and says what it breaks. */
export function useUpstreamVerb(): { run: (verb: UpstreamVerb, name: string) => Promise<void>; pending: boolean } {
  const { run: runAction, pending } = useAction()
  const confirm = useConfirm()
  const run = useCallback(
    async (verb: UpstreamVerb, name: string) => {
      const upstream = useStore.getState().model?.upstreams[name]
      const action = upstreamActions[verb]
      if (!upstream || !action.offered(upstream)) return
      if (verb === 'stop' && !(await confirm(stopQuestion(upstream)))) return
      await runAction(action.command, { upstream: name })
    },
    [runAction, confirm],
  )
  return { run, pending }
}

function stopQuestion({ name, transport, pool, connections }: UpstreamSnapshot) {
  const { one, many } = connectionWords(transport)
  const inFlight = connections.reduce((sum, connection) => sum + connection.inFlight, 0)
  const busy = inFlight + pool.waiting
  const ending = plural(connections.length, one, many)
  return {
    title: `Stop ${name}?`,
    body: `${connections.length > 0 ? `${ending} will end. ` : ''}${
      busy > 0 ? `${plural(inFlight, 'request')} in flight and ${pool.waiting} waiting will fail. ` : ''
    }It stays stopped, also after a restart of the host, until you start it.`,
    confirmLabel: 'Stop',
  }
}
