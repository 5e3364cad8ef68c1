import { OccupancyBar } from '../../../components/index.ts'
import { useUpstreamPart } from '../../../store/hooks.ts'
import { permitsInUse } from '../actions.ts'

/** How much of the pool is in use, in one line above its processes. */
export function Permits({ name }: { name: string }) {
  const pool = useUpstreamPart(name, (upstream) => upstream.pool)
  if (!pool) return null
  const parts: [number, string][] = [
    [pool.leased, 'active'],
    [pool.idle, 'idle'],
    [pool.spawning, 'starting'],
    [pool.returning, 'returning'],
    [pool.draining, 'draining'],
  ]
  const used = permitsInUse(pool)
  return (
    <p className="flex h-8 items-center gap-3 border-b border-line px-3 text-sm text-ink-2">
      <OccupancyBar
        active={pool.leased}
        idle={pool.idle}
        starting={pool.spawning}
        draining={pool.draining}
        max={pool.max}
        className="w-24"
      />
      <span>
        <span className="font-medium text-ink tabular-nums">
          {used} of {pool.max}
        </span>{' '}
        permits in use
        {parts.map(([count, word]) => count > 0 && ` · ${count} ${word}`)}
        {pool.waiting > 0 && ` · ${pool.waiting} waiting`}
      </span>
    </p>
  )
}
