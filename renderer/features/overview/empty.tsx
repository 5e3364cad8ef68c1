import { Boxes, Plus } from 'lucide-react'
import { openDialog } from '../../app/ui.ts'
import { Button, Copy, EmptyState } from '../../components/index.ts'
import { useHost } from '../../store/hooks.ts'

/** First run, or everything was removed: what this is and the one thing to do. */
export function NoUpstreams() {
  const configFile = useHost()?.configFile
  return (
    <EmptyState
      icon={Boxes}
      title="No upstreams yet"
      className="h-full"
      actions={
        <Button variant="primary" size="lg" icon={Plus} onClick={() => openDialog({ kind: 'add-upstream' })}>
          Add your first upstream
        </Button>
      }
    >
      <p>
        An upstream is an MCP server that Poolscope runs for you: one bounded pool of its processes, shared by every
        client. Add one here, or paste the <code className="font-mono text-sm">mcpServers</code> of Claude Desktop,
        Cursor or VS Code into the config file.
      </p>
      {configFile && (
        <p className="mt-3 inline-flex max-w-full items-center gap-1 rounded-md border border-line bg-panel py-0.5 pr-0.5 pl-2">
          <code className="truncate font-mono text-xs select-text">{configFile}</code>
          <Copy text={configFile} label="Copy path of the config file" />
        </p>
      )}
    </EmptyState>
  )
}
