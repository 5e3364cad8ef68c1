import { useState } from 'react'
import { defaultPoolLimits } from '../../../shared/config.ts'
import type { Point } from '../../../shared/state.ts'
import { isRemote } from '../../app/words.ts'
import { usePoints, useUpstreamPart } from '../../store/hooks.ts'
import { LatencyChart } from './charts/latency.tsx'
import { OccupancyChart } from './charts/occupancy.tsx'
import { QueueChart } from './charts/queue.tsx'
import { RateChart } from './charts/rate.tsx'
import { useEntry } from './config/use-entry.ts'
import { PoolNumbers } from './pool-numbers.tsx'
import { StreamTimeline } from './streams/timeline.tsx'

/** The last five minutes in four charts, of a server elsewhere its streams too, and the pool's own figures. */
export function HealthTab({ name }: { name: string }) {
  const points = usePoints(name)
  // Whoever looks at a chart gets a picture that stands still; all of them, so that they can be compared.
  const [held, setHeld] = useState<readonly Point[] | null>(null)
  const entry = useEntry(name)
  const acquireTimeoutMs =
    (entry.state === 'ready' ? entry.effective.pool.acquireTimeoutMs : undefined) ?? defaultPoolLimits.acquireTimeoutMs
  const p50Ms = useUpstreamPart(name, (upstream) => upstream.stats.p50Ms) ?? null
  const p95Ms = useUpstreamPart(name, (upstream) => upstream.stats.p95Ms) ?? null
  const remote = isRemote(useUpstreamPart(name, (upstream) => upstream.transport))
  const chart = { points: held ?? points, held: held !== null }
  return (
    <div className="grid min-h-full grid-cols-1 gap-3 p-3 min-[1480px]:grid-cols-[minmax(0,1fr)_280px]">
      <div className="flex min-w-0 flex-col gap-3">
        <div
          className="grid min-w-0 flex-1 auto-rows-fr grid-cols-1 gap-3 min-[860px]:grid-cols-2"
          onPointerEnter={() => setHeld(points)}
          onPointerLeave={() => setHeld(null)}
        >
          <OccupancyChart {...chart} />
          <QueueChart {...chart} acquireTimeoutMs={acquireTimeoutMs} />
          <LatencyChart {...chart} p50Ms={p50Ms} p95Ms={p95Ms} />
          <RateChart {...chart} />
        </div>
        {remote && <StreamTimeline name={name} />}
      </div>
      <PoolNumbers name={name} />
    </div>
  )
}
