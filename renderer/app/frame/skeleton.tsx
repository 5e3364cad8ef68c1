import { Skeleton } from '../../components/index.ts'

const tiles = ['a', 'b', 'c', 'd', 'e', 'f']
const rows = ['1', '2', '3', '4', '5', '6']

/** In the shape of the overview, so that nothing jumps when the data comes. */
export const ScreenSkeleton = () => (
  <div role="status" aria-label="Loading" className="flex h-full flex-col gap-3 p-3">
    <div className="grid grid-cols-6 gap-2">
      {tiles.map((tile) => (
        <Skeleton key={tile} className="h-[74px] rounded-lg" />
      ))}
    </div>
    <div className="flex flex-col gap-2 rounded-lg border border-line bg-panel p-3">
      {rows.map((row) => (
        <Skeleton key={row} className="h-5" />
      ))}
    </div>
    <Skeleton className="min-h-0 flex-1 rounded-lg" />
  </div>
)

/** Before the first snapshot. */
export const FrameSkeleton = () => (
  <div className="grid h-full grid-cols-[48px_1fr] grid-rows-[44px_1fr_24px] nav:grid-cols-[196px_1fr]">
    <div className="row-span-3 border-r border-line bg-panel" />
    <div className="flex items-center gap-3 border-b border-line bg-panel px-3">
      <Skeleton className="h-5 w-52" />
      <Skeleton className="h-5 w-72" />
    </div>
    <ScreenSkeleton />
    <div className="flex items-center border-t border-line bg-panel px-3 text-xs text-ink-3">
      Connecting to the host…
    </div>
  </div>
)
