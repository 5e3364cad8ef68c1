import { Compass } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { Button, EmptyState } from '../components/index.ts'
import { EventsScreen } from '../features/events/index.tsx'
import { Overview } from '../features/overview/index.tsx'
import { ErrorBoundary } from './error-boundary.tsx'
import { ScreenSkeleton } from './frame/skeleton.tsx'
import { navigate, type Route, useRoute } from './routes.ts'

/** The charts are the largest part of the program; they load with the first upstream page. */
const UpstreamPage = lazy(async () => ({ default: (await import('../features/upstream/index.tsx')).UpstreamPage }))

export function Screen() {
  const route = useRoute()
  return (
    <ErrorBoundary scope="screen" resetKey={route.screen === 'upstream' ? route.name : route.screen}>
      <Suspense fallback={<ScreenSkeleton />}>
        <Content route={route} />
      </Suspense>
    </ErrorBoundary>
  )
}

function Content({ route }: { route: Route }) {
  switch (route.screen) {
    case 'overview':
      return <Overview />
    case 'upstream':
      return <UpstreamPage key={route.name} name={route.name} tab={route.tab} />
    case 'events':
      return <EventsScreen upstream={route.upstream} />
    case 'not-found':
      return (
        <EmptyState
          icon={Compass}
          title="There is no such screen"
          className="h-full"
          actions={<Button onClick={() => navigate({ screen: 'overview' })}>Go to the overview</Button>}
        >
          Nothing is at {route.path}.
        </EmptyState>
      )
  }
}
