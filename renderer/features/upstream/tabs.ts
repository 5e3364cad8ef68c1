const processTabs = ['health', 'processes', 'stderr', 'events', 'config'] as const
const sessionTabs = ['health', 'sessions', 'log', 'events', 'config'] as const
export type Tab = (typeof processTabs)[number] | (typeof sessionTabs)[number]

/** An address may be older than the transport: what is called otherwise now is shown instead. */
const counterparts: Readonly<Record<string, Tab>> = {
  processes: 'sessions',
  stderr: 'log',
  sessions: 'processes',
  log: 'stderr',
}

/** The tab that an address asks for; the first one where there is none of that name. */
export function tabFor(asked: string, remote: boolean): Tab {
  const tabs: readonly Tab[] = remote ? sessionTabs : processTabs
  return tabs.find((tab) => tab === asked || tab === counterparts[asked]) ?? 'health'
}
