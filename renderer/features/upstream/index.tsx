import { Unplug } from 'lucide-react'
import { useCallback } from 'react'
import { navigate } from '../../app/routes.ts'
import { connectionWords, isRemote } from '../../app/words.ts'
import { Button, EmptyState, Skeleton, type TabItem, TabPanel, Tabs } from '../../components/index.ts'
import { useHasModel, useUpstreamPart } from '../../store/hooks.ts'
import { ConfigTab } from './config/tab.tsx'
import { EventsTab } from './events-tab.tsx'
import { UpstreamHeader } from './header.tsx'
import { HealthTab } from './health-tab.tsx'
import { LogTab } from './logs/tab.tsx'
import { Problems } from './problems.tsx'
import { ProcessesTab } from './processes/tab.tsx'
import { tabFor } from './tabs.ts'
import { useUpstreamKeys } from './use-keys.ts'

/** One upstream: what is broken, then its health, processes or sessions, stderr or log, events and config. */
export function UpstreamPage({ name, tab }: { name: string; tab: string }) {
  const loaded = useHasModel()
  const known = useUpstreamPart(name, () => true) ?? false
  if (!loaded) return <PageSkeleton />
  return known ? <Page name={name} asked={tab} /> : <Unknown name={name} />
}

function Page({ name, asked }: { name: string; asked: string }) {
  const transport = useUpstreamPart(name, (upstream) => upstream.transport)
  const remote = isRemote(transport)
  const tab = tabFor(asked, remote)
  const [connectionsTab, logTab] = remote ? (['sessions', 'log'] as const) : (['processes', 'stderr'] as const)
  useUpstreamKeys(name, tab !== connectionsTab)
  const connections = useUpstreamPart(name, (upstream) => upstream.connections.length) ?? 0
  const onTab = useCallback((next: string) => navigate({ screen: 'upstream', name, tab: next }), [name])
  const items: TabItem[] = [
    { value: 'health', label: 'Health' },
    { value: connectionsTab, label: connectionWords(transport).Many, count: connections },
    { value: logTab, label: remote ? 'Log' : 'stderr' },
    { value: 'events', label: 'Events' },
    { value: 'config', label: 'Config' },
  ]
  return (
    <div className="flex h-full min-h-0 flex-col">
      <UpstreamHeader name={name} />
      <Problems name={name} />
      <Tabs
        label={`Views of ${name}`}
        items={items}
        value={tab}
        onValueChange={onTab}
        className="min-h-0 flex-1"
        listClassName="px-3"
      >
        <TabPanel value="health" className="overflow-y-auto">
          <HealthTab name={name} />
        </TabPanel>
        <TabPanel value={connectionsTab} className="relative overflow-hidden">
          <ProcessesTab name={name} />
        </TabPanel>
        <TabPanel value={logTab} className="overflow-hidden">
          <LogTab name={name} />
        </TabPanel>
        <TabPanel value="events" className="overflow-hidden">
          <EventsTab name={name} />
        </TabPanel>
        <TabPanel value="config" className="overflow-y-auto">
          <ConfigTab name={name} />
        </TabPanel>
      </Tabs>
    </div>
  )
}

function Unknown({ name }: { name: string }) {
  return (
    <EmptyState
      icon={Unplug}
      title={`There is no upstream named “${name}”`}
      className="h-full"
      actions={<Button onClick={() => navigate({ screen: 'overview' })}>Go to the overview</Button>}
    >
      It was removed, or the address is mistyped.
    </EmptyState>
  )
}

function PageSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3 p-4">
      <Skeleton className="h-7 w-64" />
      <Skeleton className="h-5 w-[480px]" />
      <div className="mt-4 grid grid-cols-2 gap-3">
        {['occupancy', 'queue', 'latency', 'rate'].map((chart) => (
          <Skeleton key={chart} className="h-52" />
        ))}
      </div>
    </div>
  )
}
