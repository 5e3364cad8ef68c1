import { CircleUser, FileJson, Pencil } from 'lucide-react'
import type { ReactNode } from 'react'
import { openDialog } from '../../../app/ui.ts'
import { Badge, Button, Callout, Skeleton, Table, Td, Th, Tr } from '../../../components/index.ts'
import { useHost, useUpstreamPart } from '../../../store/hooks.ts'
import { AccessFacts, FindOutButton, SignOutButton } from '../sign-in/access-card.tsx'
import { type LimitRow, limitRows, type Origin } from './rows.ts'
import { Target } from './target.tsx'
import { useEntry } from './use-entry.ts'

/** How the upstream is configured: what is run or reached, who lets us in, and every limit with where its value comes from. */
export function ConfigTab({ name }: { name: string }) {
  const entry = useEntry(name)
  const file = useHost()?.configFile
  const auth = useUpstreamPart(name, (upstream) => upstream.auth) ?? null
  const seen =
    useUpstreamPart(
      name,
      (upstream) => upstream.serverInfo !== null || upstream.connections.some(({ served }) => served > 0),
    ) ?? false
  const idle = useUpstreamPart(name, (upstream) => upstream.state === 'idle') ?? false
  if (entry.state === 'loading')
    return (
      <div role="status" aria-label="Loading the entry" className="flex flex-col gap-2 p-4">
        {['w-64', 'w-96', 'w-80'].map((width) => (
          <Skeleton key={width} className={`h-5 ${width}`} />
        ))}
      </div>
    )
  if (entry.state === 'failed')
    return (
      <Callout
        tone="error"
        title="The entry could not be read"
        className="m-3"
        role="alert"
        actions={
          <Button size="sm" onClick={entry.reload}>
            Try again
          </Button>
        }
      >
        {entry.message}
      </Callout>
    )
  const rows = limitRows(entry.entry, entry.effective)
  return (
    <div className="flex max-w-[1080px] flex-col gap-3 p-3">
      <Card
        title="Server"
        action={
          <Button size="sm" icon={Pencil} onClick={() => openDialog({ kind: 'edit-upstream', name })}>
            Edit
          </Button>
        }
      >
        <Target entry={entry.entry} />
      </Card>
      {auth && (
        <Card
          title="Access"
          action={
            auth.kind === 'oauth'
              ? (auth.state === 'signed-in' || auth.state === 'refreshing' || auth.state === 'forbidden') && (
                  <SignOutButton name={name} />
                )
              : auth.kind === 'none' && idle && !seen && <FindOutButton name={name} />
          }
        >
          <AccessFacts auth={auth} seen={seen} />
        </Card>
      )}
      <Card title="Limits and timeouts">
        <LimitTable rows={rows} />
      </Card>
      {file && (
        <p className="px-1 text-xs text-ink-3">
          From <span className="font-mono wrap-anywhere text-ink-2">{file}</span>. Changes there take effect by
          themselves.
        </p>
      )}
    </div>
  )
}

function Card({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} className="overflow-hidden rounded-lg border border-line bg-panel">
      <div className="flex h-9 items-center justify-between border-b border-line px-3">
        <h3 className="text-sm font-semibold">{title}</h3>
        {action}
      </div>
      {children}
    </section>
  )
}

const origins: Record<Origin, ReactNode> = {
  entry: (
    <Badge tone="active" icon={CircleUser}>
      set here
    </Badge>
  ),
  file: (
    <Badge tone="starting" icon={FileJson}>
      file’s defaults
    </Badge>
  ),
  launcher: <span className="text-xs text-ink-3">default for npx and its like</span>,
  product: <span className="text-xs text-ink-3">default</span>,
}

function LimitTable({ rows }: { rows: readonly LimitRow[] }) {
  return (
    <Table aria-label="Limits and timeouts" className="[&_tbody_tr:last-child_td]:border-b-0">
      <thead>
        <tr>
          <Th className="w-48 pl-3">Limit</Th>
          <Th numeric className="w-28">
            Value
          </Th>
          <Th className="w-44 pl-4">Where from</Th>
          <Th>Meaning</Th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Tr key={row.id} data-limit={row.id}>
            <Td className="pl-3" title={row.key}>
              {row.label}
            </Td>
            <Td numeric className="font-medium">
              {row.value}
            </Td>
            <Td className="pl-4">
              <span className="flex items-center gap-1.5">
                {origins[row.origin]}
                {row.instead !== null && <span className="text-xs text-ink-3">default {row.instead}</span>}
              </span>
            </Td>
            <Td className="text-ink-2">
              <span className="line-clamp-1 whitespace-normal" title={row.help}>
                {row.help}
              </span>
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  )
}
