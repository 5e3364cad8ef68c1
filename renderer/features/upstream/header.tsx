import {
  Cable,
  CirclePause,
  CirclePlay,
  Globe,
  Handshake,
  Pencil,
  Play,
  Plus,
  RotateCw,
  Share2,
  Square,
  SquareTerminal,
  Trash2,
  Waves,
} from 'lucide-react'
import type { Isolation } from '../../../shared/config.ts'
import type { UpstreamSnapshot } from '../../../shared/state.ts'
import { navigate } from '../../app/routes.ts'
import { openDialog } from '../../app/ui.ts'
import { connectionWords, isRemote } from '../../app/words.ts'
import { Badge, Button, Copy, IconButton, plural, StateBadge, useConfirm } from '../../components/index.ts'
import { useAction, useUpstreamPart } from '../../store/hooks.ts'
import { ActionButton } from './action-button.tsx'
import { RemoteFacts } from './remote-facts.tsx'

/** Who this is, how it is reached, and what can be done to it as a whole. */
export function UpstreamHeader({ name }: { name: string }) {
  return (
    <header className="flex flex-col gap-2 px-4 pt-3 pb-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <Identity name={name} />
        <Actions name={name} />
      </div>
      <div className="flex flex-col">
        <Addresses name={name} />
        <RemoteFacts name={name} />
      </div>
    </header>
  )
}

const isolationText = (isolation: Isolation, one: string): string =>
  ({
    shared: `Any client’s request may run on any ${one}`,
    session: `Each client session has a ${one} of its own`,
    multiplex: `Several requests at once share one ${one}`,
  })[isolation]

const transportText: Record<UpstreamSnapshot['transport'], string> = {
  stdio: 'A program on this machine, spoken to by its standard input and output',
  http: 'A server elsewhere, reached by Streamable HTTP',
  sse: 'A server elsewhere, reached by the old HTTP+SSE transport',
}

const eraText: Record<NonNullable<UpstreamSnapshot['era']>, string> = {
  legacy: 'Speaks MCP with the initialize handshake (up to 2025-11-25)',
  modern: 'Speaks stateless MCP (from 2026-07-28)',
  jsonrpc: 'Speaks plain JSON-RPC lines, without MCP’s handshake',
}

function Identity({ name }: { name: string }) {
  const state = useUpstreamPart(name, (upstream) => upstream.state)
  const era = useUpstreamPart(name, (upstream) => upstream.era)
  const isolation = useUpstreamPart(name, (upstream) => upstream.isolation)
  const server = useUpstreamPart(name, (upstream) => upstream.serverInfo)
  const transport = useUpstreamPart(name, (upstream) => upstream.transport)
  return (
    // As wide as its name and badges: the actions go to a line of their own before the name is cut.
    <div className="flex max-w-full min-w-0 flex-auto items-center gap-2">
      <h1 className="truncate text-xl font-semibold" title={name}>
        {name}
      </h1>
      {state && <StateBadge kind="upstream" state={state} />}
      {transport && (
        <Badge icon={transport === 'stdio' ? SquareTerminal : Globe} title={transportText[transport]}>
          {transport}
        </Badge>
      )}
      {era ? (
        <Badge icon={Handshake} title={eraText[era]}>
          {era}
        </Badge>
      ) : (
        <Badge icon={Handshake} title="Known once the first connection is up">
          era unknown
        </Badge>
      )}
      {isolation && (
        <Badge icon={Share2} title={isolationText(isolation, connectionWords(transport).one)}>
          {isolation}
        </Badge>
      )}
      {server && (
        <span
          className="hidden w-0 flex-1 truncate text-xs text-ink-3 min-[1180px]:inline"
          title={`MCP ${server.protocolVersion}`}
        >
          {server.name} {server.version} · MCP {server.protocolVersion}
        </span>
      )}
    </div>
  )
}

function Addresses({ name }: { name: string }) {
  const target = useUpstreamPart(name, (upstream) => upstream.target) ?? ''
  const url = useUpstreamPart(name, (upstream) => upstream.url) ?? ''
  const remote = isRemote(useUpstreamPart(name, (upstream) => upstream.transport))
  return (
    <dl className="grid grid-cols-[48px_minmax(0,max-content)_auto] items-center justify-start gap-x-2 text-sm">
      <dt className="text-xs text-ink-3">{remote ? 'Reaches' : 'Runs'}</dt>
      <dd className="truncate font-mono text-ink-2" title={target}>
        {target}
      </dd>
      <dd>
        <Copy text={target} label={remote ? 'Copy the server’s URL' : 'Copy command'} />
      </dd>
      <dt className="text-xs text-ink-3">MCP URL</dt>
      <dd className="truncate font-mono text-ink-2" title={url}>
        {url}
      </dd>
      <dd className="flex items-center gap-1">
        <Copy text={url} label="Copy MCP URL" />
        <IconButton
          icon={Cable}
          size="sm"
          label={`Connect a client to ${name}`}
          onClick={() => openDialog({ kind: 'connect', name })}
        />
      </dd>
    </dl>
  )
}

function Actions({ name }: { name: string }) {
  const { run } = useAction()
  const confirm = useConfirm()
  const suspended = useUpstreamPart(name, (upstream) => upstream.pool.state === 'suspended') ?? false
  const stopped = useUpstreamPart(name, (upstream) => upstream.state === 'stopped' || !upstream.enabled) ?? false
  const live = useUpstreamPart(name, (upstream) => upstream.connections.length) ?? 0
  const busy = useUpstreamPart(name, (upstream) => upstream.pool.leased) ?? 0

  const { one, many } = connectionWords(useUpstreamPart(name, (upstream) => upstream.transport))
  const breaks = `${plural(live, one, many)} will be ended${busy > 0 ? `, ${plural(busy, 'request')} in flight first gets time to finish` : ''}.`
  const stop = async () => {
    const sure =
      live === 0 ||
      (await confirm({
        title: `Stop ${name}?`,
        body: `${breaks} Clients get errors until it is started again. This is remembered in the config file.`,
        confirmLabel: 'Stop',
      }))
    if (sure) await run('upstream.stop', { upstream: name })
  }
  const remove = async () => {
    const sure = await confirm({
      title: `Remove ${name}?`,
      body: `${live > 0 ? `${breaks} ` : ''}Its entry is taken out of the config file, and clients that use its URL stop working.`,
      confirmLabel: 'Remove',
    })
    if (!sure) return
    if (await run('upstream.remove', { upstream: name }, { success: `${name} was removed` }))
      navigate({ screen: 'overview' })
  }

  return (
    <div role="toolbar" aria-label={`Actions for ${name}`} className="flex flex-wrap items-center gap-1.5">
      <ActionButton
        name={name}
        action="spawn"
        label={one === 'session' ? 'Open' : 'Spawn'}
        icon={Plus}
        hint={`Open one more ${one} now (S)`}
      />
      <ActionButton
        name={name}
        action="drain"
        label="Drain"
        icon={Waves}
        hint={`Close every ${one} once it is free; demand opens new ones (D)`}
      />
      <ActionButton
        name={name}
        action="restart"
        label="Restart"
        icon={RotateCw}
        hint={`Replace every ${one} one after the other while requests go on (R)`}
      />
      {suspended ? (
        <ActionButton name={name} action="resume" label="Resume" icon={CirclePlay} hint="Grant requests again" />
      ) : (
        <ActionButton
          name={name}
          action="suspend"
          label="Suspend"
          icon={CirclePause}
          hint={`Keep the ${many}, but grant nothing until resumed`}
        />
      )}
      {stopped ? (
        <ActionButton name={name} action="start" label="Start" icon={Play} hint="Start it, and remember it" />
      ) : (
        <Button icon={Square} onClick={() => void stop()}>
          Stop
        </Button>
      )}
      <span aria-hidden className="mx-0.5 h-4 w-px bg-line" />
      <Button icon={Pencil} onClick={() => openDialog({ kind: 'edit-upstream', name })}>
        Edit
      </Button>
      <IconButton icon={Trash2} label="Remove" variant="danger-ghost" onClick={() => void remove()} />
    </div>
  )
}
