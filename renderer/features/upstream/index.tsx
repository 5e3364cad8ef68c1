import { Unplug } from 'lucide-react'
import { useCallback } from 'react'
import { navigate } from '../../app/routes.ts'
import { Button, EmptyState, Skeleton, type TabItem, TabPanel, Tabs } from '../../components/index.ts'
import { useHasModel, useUpstreamPart } from '../../store/hooks.ts'
import { ConfigTab } from './config/tab.tsx'
import { EventsTab } from './events-tab.tsx'
import { UpstreamHeader } from './header.tsx'
import { HealthTab } from './health-tab.tsx'
import { StderrTab } from './logs/tab.tsx'
import { Problems } from './problems.tsx'
import { ProcessesTab } from './processes/tab.tsx'
import { useUpstreamKeys } from './use-keys.ts'

export const tabs = ['health', 'processes', 'stderr', 'events', 'config'] as const
export type Tab = (typeof tabs)[number]

const isTab = (value: string): value is Tab => tabs.some((tab) => tab === value)

/** One upstream: what is broken, then its health, processes, stderr, events and config. */
export function UpstreamPage({ name, tab }: { name: string; tab: string }) {
  const loaded = useHasModel()
  const known = useUpstreamPart(name, () => true) ?? false
  if (!loaded) return <PageSkeleton />
  return known ? <Page name={name} tab={isTab(tab) ? tab : tabs[0]} /> : <Unknown name={name} />
}

function Page({ name, tab }: { name: string; tab: Tab }) {
  useUpstreamKeys(name, tab !== 'processes')
  const connections = useUpstreamPart(name, (upstream) => upstream.connections.length) ?? 0
  const onTab = useCallback((next: string) => navigate({ screen: 'upstream', name, tab: next }), [name])
  const items: TabItem[] = [
    { value: 'health', label: 'Health' },
    { value: 'processes', label: 'Processes', count: connections },
    { value: 'stderr', label: 'stderr' },
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
        <TabPanel value="processes" className="relative overflow-hidden">
          <ProcessesTab name={name} />
        </TabPanel>
        <TabPanel value="stderr" className="overflow-hidden">
          <StderrTab name={name} />
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
