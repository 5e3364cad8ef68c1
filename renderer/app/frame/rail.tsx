import { Activity, Cable, CircleQuestionMark, LayoutGrid, type LucideIcon, Plus } from 'lucide-react'
import { memo, type ReactNode } from 'react'
import { cn, IconButton, toneInk, upstreamLook } from '../../components/index.ts'
import { useUpstreamNames, useUpstreamPart } from '../../store/hooks.ts'
import { toHash, upstreamHash, useRoute } from '../routes.ts'
import { openDialog } from '../ui.ts'
import { staleClass } from './stale.ts'

const itemClass =
  'group/item flex h-7 w-full min-w-0 items-center gap-2 rounded-md px-2 text-left text-ink-2 hover:bg-raised hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent-ink max-nav:justify-center max-nav:px-0'

/** Left rail: screens, then every upstream with its state. Glyphs only in a narrow window. */
export function Rail() {
  const route = useRoute()
  const names = useUpstreamNames()
  return (
    <nav
      aria-label="Screens"
      className="row-span-3 flex min-h-0 w-12 flex-col border-r border-line bg-panel nav:w-[196px]"
    >
      <div className="flex h-11 shrink-0 items-center gap-2 px-3.5 max-nav:justify-center max-nav:px-0">
        <img src="./icon.svg" alt="" className="size-5" />
        <span className="text-base font-semibold tracking-tight max-nav:hidden">Poolscope</span>
      </div>
      <div className="flex flex-col gap-px px-2 max-nav:px-1.5">
        <RailLink href={toHash({ screen: 'overview' })} icon={LayoutGrid} current={route.screen === 'overview'}>
          Overview
        </RailLink>
        <RailLink
          href={toHash({ screen: 'events', upstream: null })}
          icon={Activity}
          current={route.screen === 'events'}
        >
          Events
        </RailLink>
      </div>
      <div className="mt-4 flex h-6 shrink-0 items-center justify-between pr-2 pl-4 max-nav:justify-center max-nav:px-0">
        <h2 id="rail-upstreams" className="text-xs font-medium text-ink-3 max-nav:sr-only">
          Upstreams
        </h2>
        <IconButton
          icon={Plus}
          label="New upstream"
          size="sm"
          side="right"
          onClick={() => openDialog({ kind: 'add-upstream' })}
        />
      </div>
      <ul
        aria-labelledby="rail-upstreams"
        className={cn('flex min-h-0 flex-1 flex-col gap-px overflow-y-auto px-2 py-0.5 max-nav:px-1.5', staleClass)}
      >
        {names.map((name) => (
          <UpstreamLink key={name} name={name} current={route.screen === 'upstream' && route.name === name} />
        ))}
      </ul>
      <div className="flex flex-col gap-px border-t border-line p-2 max-nav:px-1.5">
        <RailButton icon={Cable} onClick={() => openDialog({ kind: 'connect', name: null })}>
          Connect a client
        </RailButton>
        <RailButton icon={CircleQuestionMark} onClick={() => openDialog({ kind: 'keys' })}>
          Keyboard
        </RailButton>
      </div>
    </nav>
  )
}

function RailLink({
  href,
  icon: Icon,
  current,
  children,
}: {
  href: string
  icon: LucideIcon
  current: boolean
  children: ReactNode
}) {
  return (
    <a href={href} aria-current={current ? 'page' : undefined} className={itemClass}>
      <Icon aria-hidden className="size-4 shrink-0" />
      <span className="truncate max-nav:sr-only">{children}</span>
    </a>
  )
}

function RailButton({ icon: Icon, onClick, children }: { icon: LucideIcon; onClick: () => void; children: ReactNode }) {
  return (
    <button type="button" onClick={onClick} className={itemClass}>
      <Icon aria-hidden className="size-4 shrink-0" />
      <span className="truncate max-nav:sr-only">{children}</span>
    </button>
  )
}

const UpstreamLink = memo(function UpstreamLink({ name, current }: { name: string; current: boolean }) {
  const state = useUpstreamPart(name, (upstream) => upstream.state) ?? 'stopped'
  const inUse = useUpstreamPart(name, ({ pool }) => pool.leased + pool.returning) ?? 0
  const { icon: Icon, tone, word } = upstreamLook[state]
  return (
    <li>
      <a
        href={upstreamHash(name)}
        aria-current={current ? 'page' : undefined}
        title={`${name}: ${word}`}
        className={itemClass}
      >
        <Icon aria-hidden className={cn('size-3.5 shrink-0', toneInk[tone])} strokeWidth={2.25} />
        <span className="min-w-0 flex-1 truncate max-nav:sr-only">{name}</span>
        <span className="sr-only">{word}</span>
        {inUse > 0 && (
          <span aria-hidden title={`${inUse} active`} className="text-xs text-active-ink max-nav:hidden">
            {inUse}
          </span>
        )}
      </a>
    </li>
  )
})
