import { cn } from '../../components/index.ts'
import { useHasModel, useHost, useLink } from '../../store/hooks.ts'
import { useGlobalKeys } from '../keys.ts'
import { Screen } from '../screens.tsx'
import { LostBanner, LostPage, NoticeBanner } from './banners.tsx'
import { Rail } from './rail.tsx'
import { FrameSkeleton } from './skeleton.tsx'
import { staleClass } from './stale.ts'
import { StatusLine } from './status-line.tsx'
import { TopBar } from './top-bar.tsx'
import { useWindowTitle } from './window-title.ts'

/** The frame of the window: rail, top bar, screen, status line. */
export function Frame() {
  const { state } = useLink()
  const hasModel = useHasModel()
  const mode = useHost()?.mode
  useGlobalKeys()
  useWindowTitle()
  if (!hasModel) return state === 'lost' ? <LostPage /> : <FrameSkeleton />
  const lost = state === 'lost'
  return (
    <div
      data-mode={mode}
      data-stale={lost || undefined}
      className="group/frame grid h-full grid-cols-[auto_1fr] grid-rows-[auto_1fr_auto]"
    >
      <Rail />
      <TopBar />
      <main className="flex min-h-0 min-w-0 flex-col">
        {lost && <LostBanner />}
        <NoticeBanner />
        <div className={cn('min-h-0 flex-1 overflow-hidden', staleClass)}>
          <Screen />
        </div>
      </main>
      <StatusLine />
    </div>
  )
}
