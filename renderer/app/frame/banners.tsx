import { Unplug } from 'lucide-react'
import { bridge } from '../../bridge/index.ts'
import { Button, Callout, EmptyState, formatTime } from '../../components/index.ts'
import { setPaused, useHost, useLink, usePaused } from '../../store/hooks.ts'

const retry = () => bridge.reconnect()

/** Over the last data: it is old, since when, and what happens now. */
export function LostBanner() {
  const { since } = useLink()
  return (
    <Callout
      tone="error"
      role="alert"
      title={`Host not responding since ${formatTime(since)}`}
      className="mx-3 mt-3"
      actions={
        bridge.kind === 'http' && (
          <Button size="sm" onClick={retry}>
            Try now
          </Button>
        )
      }
    >
      What you see is the last that it said. The window reconnects by itself.
    </Callout>
  )
}

/** Nothing was ever heard. */
export function LostPage() {
  return (
    <main role="alert" className="h-full">
      <EmptyState
        icon={Unplug}
        title="Host not responding"
        className="h-full"
        actions={
          <Button variant="primary" onClick={retry}>
            Try now
          </Button>
        }
      >
        {bridge.kind === 'http'
          ? `Nothing answers at ${window.location.origin}. Is "poolscope serve" running? This page connects by itself as soon as it is.`
          : 'The main process has not answered yet. This window connects by itself as soon as it does.'}
      </EmptyState>
    </main>
  )
}

/** States that a person chose or should know about, where nothing is wrong. */
export function NoticeBanner() {
  const paused = usePaused()
  const host = useHost()
  if (host?.closing)
    return (
      <Callout tone="warn" role="status" className="mx-3 mt-3">
        The host is shutting down: requests in flight are finishing, processes are being stopped.
      </Callout>
    )
  if (!paused) return null
  return (
    <Callout
      tone="info"
      role="status"
      className="mx-3 mt-3 py-1.5"
      actions={
        <Button size="sm" onClick={() => setPaused(false)}>
          Continue
        </Button>
      }
    >
      The picture is paused. The host goes on, and commands still work.
    </Callout>
  )
}
