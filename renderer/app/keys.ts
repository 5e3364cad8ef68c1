import { useKey } from '../components/index.ts'
import { setPaused, usePaused } from '../store/hooks.ts'
import { navigate, useRoute } from './routes.ts'
import { closeDialog, openDialog, useUi } from './ui.ts'
import { useUpstreamVerb } from './upstream-actions.ts'

/** What the keys do, as the help shows it. Screens and tables add their own where they are drawn. */
export const keyHelp: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ['Ctrl/⌘ K'], does: 'Commands and upstreams' },
  { keys: ['Ctrl/⌘ 1', 'Ctrl/⌘ 2'], does: 'Overview, Events' },
  { keys: ['J', 'K'], does: 'Next and previous row' },
  { keys: ['Enter'], does: 'Open the selected upstream' },
  { keys: ['Esc'], does: 'Back' },
  { keys: ['/'], does: 'Filter' },
  { keys: ['S'], does: 'Spawn a connection of the selected or shown upstream' },
  { keys: ['R'], does: 'Restart the selected or shown upstream' },
  { keys: ['Space'], does: 'Pause and continue the picture' },
  { keys: ['?'], does: 'This help' },
]

/** Keys that work on every screen. */
export function useGlobalKeys(): void {
  const route = useRoute()
  const paused = usePaused()
  const selected = useUi((s) => s.selected)
  const { run } = useUpstreamVerb()
  const target = route.screen === 'upstream' ? route.name : route.screen === 'overview' ? selected : null

  useKey(
    'mod+k',
    () => (useUi.getState().dialog.kind === 'palette' ? closeDialog() : openDialog({ kind: 'palette' })),
    { everywhere: true },
  )
  useKey('mod+1', () => navigate({ screen: 'overview' }))
  useKey('mod+2', () => navigate({ screen: 'events', upstream: null }))
  useKey(['?', 'shift+?'], () => openDialog({ kind: 'keys' }))
  useKey('space', () => setPaused(!paused))
  useKey('s', () => void (target && run('spawn', target)), { enabled: target !== null })
  useKey('r', () => void (target && run('restart', target)), { enabled: target !== null })
  useKey('escape', () => navigate({ screen: 'overview' }), { enabled: route.screen !== 'overview' })
}
