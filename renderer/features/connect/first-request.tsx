import { CircleCheck, LoaderCircle } from 'lucide-react'
import { useRef } from 'react'
import { plural } from '../../components/index.ts'
import { useEvents, useHost, useUpstreamPart } from '../../store/hooks.ts'
import { useStore } from '../../store/store.ts'

/** Waits in the open dialog for the client that was just configured, and says when it is there. */
export function FirstRequest({ upstream }: { upstream: string }) {
  const start = useRef(baseline(upstream)).current
  const requests = useUpstreamPart(upstream, ({ stats }) => stats.requests) ?? 0
  const sessions = useEvents({ upstream }).filter(
    (event) => event.kind === 'session.opened' && event.id > start.eventId,
  ).length
  // Demo traffic counts as requests too; with it on, only a new session tells that a client came.
  const demo = useHost()?.demoTraffic
  const arrived = demo?.running && demo.upstream === upstream ? 0 : Math.max(0, requests - start.requests)
  const here = sessions > 0 || arrived > 0
  return (
    <p
      role="status"
      className={`flex h-9 items-center gap-2.5 rounded-md border px-3 ${
        here ? 'border-ok/40 bg-ok-soft text-ok-ink' : 'border-line bg-canvas text-ink-2'
      }`}
    >
      {here ? (
        <CircleCheck aria-hidden className="size-4" />
      ) : (
        <LoaderCircle aria-hidden className="size-4 motion-safe:animate-spin" />
      )}
      {here
        ? `Connected: ${[sessions > 0 && plural(sessions, 'new session'), arrived > 0 && plural(arrived, 'request')]
            .filter(Boolean)
            .join(', ')} since this was opened.`
        : 'Waiting for the first request…'}
    </p>
  )
}

/** What had already happened when the dialog was opened. */
function baseline(upstream: string): { requests: number; eventId: number } {
  const { model } = useStore.getState()
  return { requests: model?.upstreams[upstream]?.stats.requests ?? 0, eventId: model?.events[0]?.id ?? 0 }
}
