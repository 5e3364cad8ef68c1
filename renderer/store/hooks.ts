import { useEffect } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type {
  ConnectionSnapshot,
  EventRecord,
  GatewayState,
  HostState,
  Point,
  UpstreamSnapshot,
} from '../../shared/contract.ts'
import { session } from './live.ts'
import { type Link, useStore } from './store.ts'

export { type Action, type ActionOptions, runCommand, toastFailure, useAction } from './actions.ts'
export { useNow } from './clock.ts'
export type { Link, LinkState } from './store.ts'

const noNames: readonly string[] = []
const noPoints: readonly Point[] = []

/** Undefined before the first snapshot and for a name that does not exist (any more). */
export const useUpstream = (name: string): UpstreamSnapshot | undefined => useStore((s) => s.model?.upstreams[name])

/** A part of an upstream, for components that draw only that part. `select` must be cheap; it runs on each frame. */
export const useUpstreamPart = <T>(name: string, select: (upstream: UpstreamSnapshot) => T): T | undefined =>
  useStore((s) => {
    const upstream = s.model?.upstreams[name]
    return upstream && select(upstream)
  })

/** In the order of the config file. */
export const useUpstreamNames = (): readonly string[] => useStore((s) => s.model?.names ?? noNames)

export const useConnectionIds = (name: string): readonly string[] =>
  useStore((s) => s.model?.connectionIds[name] ?? noNames)

export const useConnection = (upstream: string, id: string): ConnectionSnapshot | undefined =>
  useStore((s) => s.model?.connections[upstream]?.[id])

/**
 * The last five minutes of an upstream, oldest first, a point a second. Loaded once, then appended from frames.
 * Seconds may be missing (the host was busy or away): draw by `t`, not by position.
 */
export function usePoints(name: string): readonly Point[] {
  useEffect(() => session.wantSeries(name), [name])
  return useStore((s) => s.model?.points[name] ?? noPoints)
}

export interface EventFilter {
  upstream?: string | undefined
  /** Newest this many. */
  limit?: number | undefined
}

/** Newest first. */
export const useEvents = ({ upstream, limit }: EventFilter = {}): readonly EventRecord[] =>
  useStore(
    useShallow((s) => {
      const events = s.model?.events ?? []
      const chosen = upstream === undefined ? events : events.filter((event) => event.upstream === upstream)
      return limit === undefined ? chosen : chosen.slice(0, limit)
    }),
  )

export const useHost = (): HostState | null => useStore((s) => s.model?.host ?? null)
export const useGateway = (): GatewayState | null => useStore((s) => s.model?.gateway ?? null)
export const useLink = (): Link => useStore((s) => s.link)
export const useHasModel = (): boolean => useStore((s) => s.model !== null)

/** While paused the window shows one moment; the host goes on, and what it said meanwhile is shown on resume. */
export const usePaused = (): boolean => useStore((s) => s.paused)
export const setPaused = (paused: boolean): void => session.setPaused(paused)
