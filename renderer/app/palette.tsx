import { Dialog as Base } from '@base-ui/react/dialog'
import { Command } from 'cmdk'
import {
  Activity,
  Cable,
  CircleQuestionMark,
  LayoutGrid,
  type LucideIcon,
  Monitor,
  Moon,
  Pause,
  Play,
  Plus,
  Search,
  Sun,
  Zap,
} from 'lucide-react'
import { backdropClass, popupClass } from '../components/dialog.tsx'
import { cn, toneInk, upstreamLook } from '../components/index.ts'
import { setPaused, useAction, useHost, usePaused, useUpstream, useUpstreamNames } from '../store/hooks.ts'
import { firstTab, navigate } from './routes.ts'
import { setTheme } from './theme.ts'
import { openDialog } from './ui.ts'
import { upstreamActions, upstreamVerbs, useUpstreamVerb } from './upstream-actions.ts'

interface PaletteProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

/** Everything that can be done, by typing a part of its name. */
export function Palette({ open, onOpenChange }: PaletteProps) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className={backdropClass} />
        <Base.Popup aria-label="Command palette" className={cn(popupClass, 'top-[14vh] w-[560px] overflow-hidden')}>
          <Items close={() => onOpenChange(false)} />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

const groupClass =
  '[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-ink-3'

/** Its own component, so that it subscribes to the host only while the palette is open. */
function Items({ close }: { close: () => void }) {
  const names = useUpstreamNames()
  const paused = usePaused()
  const demo = useHost()?.demoTraffic
  const { run } = useAction()
  const then = (act: () => void) => () => {
    close()
    act()
  }
  return (
    <Command label="Command palette" loop>
      <div className="flex items-center gap-2 border-b border-line px-3">
        <Search aria-hidden className="size-4 shrink-0 text-ink-3" />
        <Command.Input
          autoFocus
          placeholder="Go to, restart, spawn…"
          className="h-11 w-full bg-transparent text-base outline-none placeholder:text-ink-3"
        />
      </div>
      <Command.List className="max-h-[min(420px,55vh)] scroll-py-2 overflow-y-auto p-1.5">
        <Command.Empty className="px-3 py-6 text-center text-ink-3">Nothing by that name.</Command.Empty>
        <Command.Group heading="Go to" className={groupClass}>
          <Item icon={LayoutGrid} onSelect={then(() => navigate({ screen: 'overview' }))}>
            Overview
          </Item>
          <Item icon={Activity} onSelect={then(() => navigate({ screen: 'events', upstream: null }))}>
            Events
          </Item>
          {names.map((name) => (
            <UpstreamItem key={name} name={name} then={then} />
          ))}
        </Command.Group>
        <Command.Group heading="Do" className={groupClass}>
          <Item icon={Plus} onSelect={then(() => openDialog({ kind: 'add-upstream' }))}>
            Add upstream
          </Item>
          <Item icon={Cable} onSelect={then(() => openDialog({ kind: 'connect', name: null }))}>
            Connect a client
          </Item>
          {demo && (
            <Item icon={Zap} onSelect={then(() => void run('demo.traffic', { on: !demo.running }))}>
              {demo.running ? 'Stop demo traffic' : 'Start demo traffic'}
            </Item>
          )}
          <Item icon={paused ? Play : Pause} onSelect={then(() => setPaused(!paused))}>
            {paused ? 'Continue the picture' : 'Pause the picture'}
          </Item>
          {names.map((name) => (
            <VerbItems key={name} name={name} then={then} />
          ))}
        </Command.Group>
        <Command.Group heading="Window" className={groupClass}>
          <Item icon={Sun} onSelect={then(() => setTheme('light'))}>
            Light theme
          </Item>
          <Item icon={Moon} onSelect={then(() => setTheme('dark'))}>
            Dark theme
          </Item>
          <Item icon={Monitor} onSelect={then(() => setTheme('system'))}>
            Theme as the system
          </Item>
          <Item icon={CircleQuestionMark} onSelect={then(() => openDialog({ kind: 'keys' }))}>
            Keyboard help
          </Item>
        </Command.Group>
      </Command.List>
    </Command>
  )
}

type Then = (act: () => void) => () => void

function UpstreamItem({ name, then }: { name: string; then: Then }) {
  const state = useUpstream(name)?.state
  if (!state) return null
  const { icon, tone, word } = upstreamLook[state]
  return (
    <Item
      icon={icon}
      iconClass={toneInk[tone]}
      hint={word}
      value={`upstream ${name}`}
      onSelect={then(() => navigate({ screen: 'upstream', name, tab: firstTab }))}
    >
      {name}
    </Item>
  )
}

function VerbItems({ name, then }: { name: string; then: Then }) {
  const upstream = useUpstream(name)
  const { run } = useUpstreamVerb()
  if (!upstream) return null
  return upstreamVerbs
    .filter((verb) => upstreamActions[verb].offered(upstream))
    .map((verb) => {
      const { label, icon } = upstreamActions[verb]
      return (
        <Item key={verb} icon={icon} value={`${label} ${name}`} onSelect={then(() => void run(verb, name))}>
          {label} <span className="text-ink-2">{name}</span>
        </Item>
      )
    })
}

interface ItemProps {
  icon: LucideIcon
  iconClass?: string
  hint?: string
  /** What is searched; the text where it is left out. */
  value?: string
  onSelect: () => void
  children: React.ReactNode
}

function Item({ icon: Icon, iconClass, hint, value, onSelect, children }: ItemProps) {
  return (
    <Command.Item
      {...(value === undefined ? {} : { value })}
      onSelect={onSelect}
      className="flex h-8 cursor-default select-none items-center gap-2.5 rounded-md px-2 text-base data-[selected=true]:bg-raised"
    >
      <Icon aria-hidden className={cn('size-4 shrink-0 text-ink-3', iconClass)} />
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {hint && <span className="text-xs text-ink-3">{hint}</span>}
    </Command.Item>
  )
}
