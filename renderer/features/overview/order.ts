import { useShallow } from 'zustand/react/shallow'
import type { UpstreamSnapshot } from '../../../shared/contract.ts'
import { useStore } from '../../store/store.ts'
import { isLasting, streamTrouble } from '../upstream/streams/trouble.ts'

/** Columns that can be sorted by. `config` is the order of the config file. */
export type SortKey =
  | 'config'
  | 'name'
  | 'state'
  | 'active'
  | 'queue'
  | 'p50'
  | 'p95'
  | 'errors'
  | 'restarts'
  | 'reconnects'
  | 'memory'

export interface Sort {
  key: SortKey
  descending: boolean
}

/** Figures are wanted largest first, words in their order. */
export const firstDirection = (key: SortKey): boolean => key !== 'name' && key !== 'state' && key !== 'config'

const read: Record<Exclude<SortKey, 'config'>, (upstream: UpstreamSnapshot) => number | string | null> = {
  name: ({ name }) => name.toLowerCase(),
  state: ({ state }) => state,
  active: ({ pool }) => pool.leased + pool.returning,
  queue: ({ pool }) => pool.waiting,
  p50: ({ stats }) => stats.p50Ms,
  p95: ({ stats }) => stats.p95Ms,
  errors: ({ stats }) => stats.errorsLastHour,
  restarts: ({ stats }) => stats.restartsLastHour,
  reconnects: ({ stats }) => stats.reconnectsLastHour,
  memory: ({ stats }) => stats.memoryBytes,
}

/** What is broken, or waits for a person, comes first, whatever the order: nobody should have to look for it. */
export const isBroken = ({ state, pool }: UpstreamSnapshot): boolean =>
  state === 'failing' || state === 'unauthorized' || (state !== 'stopped' && pool.breaker.state !== 'closed')

/** Served, but without what its server tells by itself: streams that were lost and stay lost. */
const hasLostStreams = ({ connections }: UpstreamSnapshot): boolean => {
  const trouble = streamTrouble(connections)
  return trouble !== null && isLasting(trouble)
}

export function orderUpstreams(
  upstreams: readonly UpstreamSnapshot[],
  { key, descending }: Sort,
  filter: string,
): readonly string[] {
  const needle = filter.trim().toLowerCase()
  const shown = needle === '' ? [...upstreams] : upstreams.filter((upstream) => matches(upstream, needle))
  const broken = (upstream: UpstreamSnapshot) => (isBroken(upstream) ? 0 : 1)
  return shown
    .sort((a, b) => broken(a) - broken(b) || (key === 'config' ? 0 : compare(read[key](a), read[key](b), descending)))
    .map(({ name }) => name)
}

const matches = (upstream: UpstreamSnapshot, needle: string): boolean =>
  `${upstream.name} ${upstream.state} ${upstream.target}`.toLowerCase().includes(needle)

/** Missing values last in both directions. */
function compare(a: number | string | null, b: number | string | null, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  const order = a < b ? -1 : a > b ? 1 : 0
  return descending ? -order : order
}

/** Names in the order to draw; re-renders the table only when the order changed. */
export const useUpstreamOrder = (sort: Sort, filter: string): readonly string[] =>
  useStore(
    useShallow((s) => {
      const { model } = s
      if (!model) return []
      const upstreams = model.names.flatMap((name) => model.upstreams[name] ?? [])
      return orderUpstreams(upstreams, sort, filter)
    }),
  )

/** Names of what needs attention, what is broken before what is impaired. */
export const useAttentionNames = (): readonly string[] =>
  useStore(
    useShallow((s) => (s.model ? attentionOrder(s.model.names.flatMap((name) => s.model?.upstreams[name] ?? [])) : [])),
  )

export const attentionOrder = (upstreams: readonly UpstreamSnapshot[]): string[] =>
  [
    ...upstreams.filter(isBroken),
    ...upstreams.filter((upstream) => !isBroken(upstream) && hasLostStreams(upstream)),
  ].map(({ name }) => name)
