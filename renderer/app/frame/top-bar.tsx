import { Command, Monitor, Moon, Pause, Play, Plus, Sun } from 'lucide-react'
import type { ReactNode } from 'react'
import {
  Button,
  Copy,
  cn,
  formatBytes,
  formatCount,
  IconButton,
  Menu,
  MenuRadioGroup,
  Tooltip,
} from '../../components/index.ts'
import { setPaused, useGateway, useHost, usePaused } from '../../store/hooks.ts'
import { useTotals } from '../../store/totals.ts'
import { setTheme, type Theme, useTheme } from '../theme.ts'
import { openDialog } from '../ui.ts'
import { DemoTraffic } from './demo-traffic.tsx'
import { staleClass } from './stale.ts'

/** The six things that are never behind a click are here and in the overview below it. */
export function TopBar() {
  return (
    <header className="flex h-11 min-w-0 items-center gap-3 border-b border-line bg-panel px-3">
      <GatewayChip />
      <dl className={cn('flex min-w-0 items-center gap-3.5 overflow-hidden', staleClass)}>
        <Sessions />
        <PoolFigures />
        <Memory />
      </dl>
      <div className="ml-auto flex shrink-0 items-center gap-1.5">
        <DemoTraffic />
        <PauseButton />
        <ThemeMenu />
        <Tooltip label="Commands and upstreams">
          <Button
            aria-label="Command palette"
            className="px-2 text-ink-2"
            onClick={() => openDialog({ kind: 'palette' })}
          >
            <Command aria-hidden className="size-3.5" />
            <kbd className="font-sans text-xs">{isMac ? '⌘K' : 'Ctrl K'}</kbd>
          </Button>
        </Tooltip>
        <Button
          variant="primary"
          icon={Plus}
          aria-label="Add upstream"
          onClick={() => openDialog({ kind: 'add-upstream' })}
          className="max-bar:w-7 max-bar:px-0"
        >
          <span className="max-bar:hidden">Add upstream</span>
        </Button>
      </div>
    </header>
  )
}

const isMac = /mac/i.test(navigator.userAgent)

function GatewayChip() {
  const gateway = useGateway()
  if (!gateway) return null
  const up = gateway.state === 'listening'
  const word = up ? 'Listening' : gateway.state === 'failed' ? 'Failed' : 'Stopped'
  return (
    <section
      aria-label="Gateway"
      className={cn(
        'flex h-7 min-w-0 items-center rounded-md border pl-2 text-sm',
        staleClass,
        up ? 'border-line' : 'border-dead/40 bg-dead-soft',
      )}
    >
      <Tooltip
        label={
          gateway.error ?? `Gateway: ${word.toLowerCase()}, ${gateway.auth === 'bearer' ? 'token needed' : 'no token'}`
        }
      >
        <span className="flex min-w-0 items-center gap-1.5">
          <span aria-hidden className={cn('size-2 shrink-0 rounded-full', up ? 'bg-ok' : 'bg-dead')} />
          <span className={cn('font-medium', up ? 'text-ok-ink max-side:sr-only' : 'text-dead-ink')}>{word}</span>
          <span className="truncate font-mono text-xs text-ink-2 select-text">{gateway.url}</span>
        </span>
      </Tooltip>
      <Copy text={gateway.url} label="Copy gateway URL" />
    </section>
  )
}

function Sessions() {
  const gateway = useGateway()
  return (
    <Figure label="Sessions" title={`${gateway?.requestsInFlight ?? 0} requests in flight at the gateway`}>
      {formatCount(gateway?.sessions)}
    </Figure>
  )
}

function PoolFigures() {
  const { active, idle, waiting } = useTotals('active', 'idle', 'waiting')
  return (
    <>
      <Figure label="Active" dot="bg-active">
        {formatCount(active)}
      </Figure>
      <Figure label="Idle" dot="bg-idle">
        {formatCount(idle)}
      </Figure>
      <Figure label="Queued" dot={waiting > 0 ? 'bg-draining' : 'bg-line-strong'} alarm={waiting > 0}>
        {formatCount(waiting)}
      </Figure>
    </>
  )
}

function Memory() {
  const host = useHost()
  return (
    <Figure label="Memory" title={`All children; the host itself takes ${formatBytes(host?.memoryBytes)}`}>
      {formatBytes(host?.childrenMemoryBytes)}
    </Figure>
  )
}

interface FigureProps {
  label: string
  dot?: string
  title?: string
  alarm?: boolean
  children: ReactNode
}

function Figure({ label, dot, title, alarm, children }: FigureProps) {
  return (
    <div title={title} className="flex items-center gap-1.5 whitespace-nowrap">
      {dot && <span aria-hidden className={cn('size-1.5 rounded-full', dot)} />}
      <dt className="text-xs text-ink-3">{label}</dt>
      <dd className={cn('font-medium', alarm ? 'text-draining-ink' : 'text-ink')}>{children}</dd>
    </div>
  )
}

function PauseButton() {
  const paused = usePaused()
  return (
    <IconButton
      icon={paused ? Play : Pause}
      label={paused ? 'Continue the picture' : 'Pause the picture'}
      tooltip={paused ? 'Continue (Space)' : 'Pause the picture; the host goes on (Space)'}
      aria-pressed={paused}
      variant={paused ? 'secondary' : 'ghost'}
      className="[&_svg]:fill-current"
      onClick={() => setPaused(!paused)}
    />
  )
}

const themeItems = [
  { value: 'system', label: 'As the system', icon: Monitor },
  { value: 'light', label: 'Light', icon: Sun },
  { value: 'dark', label: 'Dark', icon: Moon },
] as const satisfies readonly { value: Theme; label: string; icon: typeof Sun }[]

function ThemeMenu() {
  const theme = useTheme((s) => s.theme)
  const icon = themeItems.find((item) => item.value === theme)?.icon ?? Monitor
  return (
    <Menu trigger={<IconButton icon={icon} label="Theme" />}>
      <MenuRadioGroup value={theme} onValueChange={setTheme} items={themeItems} />
    </Menu>
  )
}
