import { type ReactNode, useEffect, useState } from 'react'
import type { CommandResult } from '../../../shared/contract.ts'
import { openDialog } from '../../app/ui.ts'
import {
  Button,
  Callout,
  Copy,
  CopyButton,
  Dialog,
  Field,
  Select,
  Skeleton,
  TabPanel,
  Tabs,
} from '../../components/index.ts'
import { runCommand, useUpstreamNames } from '../../store/hooks.ts'
import { FirstRequest } from './first-request.tsx'

type Connection = CommandResult<'client.connect'>

/** Stands for all upstreams; no upstream can be called so. */
const everything = ''

export interface ConnectDialogProps {
  /** The upstream to begin with; the first one when null. */
  name: string | null
  onOpenChange: (open: boolean) => void
}

/** How to point a client at an upstream: pick, copy, and see the first request arrive. */
export function ConnectDialog({ name, onOpenChange }: ConnectDialogProps) {
  const names = useUpstreamNames()
  const [chosen, setChosen] = useState(name)
  const all = chosen === everything
  const upstream = chosen !== null && names.includes(chosen) ? chosen : names[0]
  return (
    <Dialog
      open
      onOpenChange={onOpenChange}
      title="Connect a client"
      description="Every client shares the same pool. Paste a snippet into the client's configuration."
      size="lg"
      footer={<Button onClick={() => onOpenChange(false)}>Done</Button>}
    >
      {upstream === undefined ? (
        <Callout
          actions={
            <Button size="sm" onClick={() => openDialog({ kind: 'add-upstream' })}>
              Add upstream
            </Button>
          }
        >
          There is no upstream to connect to yet.
        </Callout>
      ) : (
        <div className="flex flex-col gap-4">
          <Field label="Upstream">
            <Select
              items={[
                ...names.map((value) => ({ value, label: value })),
                { value: everything, label: 'All upstreams behind one URL' },
              ]}
              value={all ? everything : upstream}
              onValueChange={setChosen}
            />
          </Field>
          <Instructions key={`${all} ${upstream}`} upstream={upstream} all={all} />
          {all ? (
            <Callout>
              Tools and prompts are named upstream__name there, so that two servers may have tools of the same name.
            </Callout>
          ) : (
            <FirstRequest key={`first ${upstream}`} upstream={upstream} />
          )}
        </div>
      )}
    </Dialog>
  )
}

function Instructions({ upstream, all }: { upstream: string; all: boolean }) {
  const [connection, setConnection] = useState<Connection | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [client, setClient] = useState<string | null>(null)
  const [revealed, setRevealed] = useState(false)
  useEffect(() => {
    let current = true
    runCommand('client.connect', { upstream }).then(
      (result) => current && setConnection(result),
      (thrown) => current && setFailure(thrown instanceof Error ? thrown.message : String(thrown)),
    )
    return () => {
      current = false
    }
  }, [upstream])

  if (failure !== null)
    return (
      <Callout tone="error" role="alert" title="The host gave no snippets">
        {failure}
      </Callout>
    )
  if (!connection) return <Skeleton className="h-80" />
  const { url, snippets } = all ? connection.aggregate : connection
  const chosen = client ?? snippets[0]?.client ?? ''
  const secret = connection.authorization?.replace(/^\S+\s+/, '')
  // What is copied is always whole; what is shown may be on a shared screen.
  const masked = (text: string) => (secret && !revealed ? text.replaceAll(secret, '•'.repeat(12)) : text)
  return (
    <>
      <dl className="grid grid-cols-[auto_1fr_auto] items-center gap-x-3 gap-y-1">
        <Row label="URL" text={url} />
        {connection.authorization !== null && (
          <Row label="Authorization" text={connection.authorization} shown={masked(connection.authorization)}>
            <Button size="sm" variant="ghost" onClick={() => setRevealed(!revealed)}>
              {revealed ? 'Hide token' : 'Show token'}
            </Button>
          </Row>
        )}
      </dl>
      <Tabs
        label="Client"
        items={snippets.map((snippet) => ({ value: snippet.client, label: snippet.client }))}
        value={chosen}
        onValueChange={setClient}
      >
        {snippets.map((snippet) => (
          <TabPanel key={snippet.client} value={snippet.client} className="relative pt-2">
            <pre className="h-56 overflow-auto rounded-md border border-line bg-canvas py-3 pr-32 pl-3 font-mono text-xs leading-[17px] whitespace-pre-wrap wrap-anywhere text-ink select-text">
              {masked(snippet.text)}
            </pre>
            <span className="absolute top-4 right-2">
              <CopyButton text={snippet.text} label="Copy snippet" />
            </span>
          </TabPanel>
        ))}
      </Tabs>
    </>
  )
}

interface RowProps {
  label: string
  /** What is copied. */
  text: string
  shown?: string
  children?: ReactNode
}

function Row({ label, text, shown = text, children }: RowProps) {
  return (
    <>
      <dt className="text-xs text-ink-3">{label}</dt>
      <dd className="min-w-0 truncate font-mono text-xs select-text">{shown}</dd>
      <dd className="flex items-center justify-end gap-1">
        {children}
        <Copy text={text} label={`Copy ${label}`} />
      </dd>
    </>
  )
}
