import { useSyncExternalStore } from 'react'

/** The tab of an upstream's page that opens where an address names none. */
export const firstTab = 'health'

export type Route =
  | { screen: 'overview' }
  | { screen: 'upstream'; name: string; tab: string }
  | { screen: 'events'; upstream: string | null }
  | { screen: 'not-found'; path: string }

/** Routes live in the hash, so that they work under app:// and under any path of the host alike. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const parts = path.split('/').filter((part) => part !== '')
  const [screen, name, tab] = parts
  if (screen === undefined) return { screen: 'overview' }
  if (screen === 'events' && parts.length === 1)
    return { screen: 'events', upstream: new URLSearchParams(query).get('upstream') }
  if (screen === 'upstreams' && name !== undefined && parts.length <= 3) {
    const decoded = decode(name)
    if (decoded !== null) return { screen: 'upstream', name: decoded, tab: tab ?? firstTab }
  }
  return { screen: 'not-found', path: `/${path}` }
}

/** The address of a route, for links: `<a href={toHash(…)}>`. Names may hold slashes and spaces. */
export function toHash(route: Exclude<Route, { screen: 'not-found' }>): string {
  switch (route.screen) {
    case 'overview':
      return '#/'
    case 'upstream':
      return `#/upstreams/${encodeURIComponent(route.name)}/${route.tab}`
    case 'events':
      return route.upstream ? `#/events?${new URLSearchParams({ upstream: route.upstream })}` : '#/events'
  }
}

/** The address of an upstream's page. */
export const upstreamHash = (name: string, tab: string = firstTab): string => toHash({ screen: 'upstream', name, tab })

export function navigate(route: Exclude<Route, { screen: 'not-found' }>): void {
  window.location.hash = toHash(route)
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange)
  return () => window.removeEventListener('hashchange', onChange)
}

let cached: { hash: string; route: Route } = { hash: '#/', route: { screen: 'overview' } }
/** The same object for the same hash, as useSyncExternalStore asks for. */
function current(): Route {
  const { hash } = window.location
  if (hash !== cached.hash) cached = { hash, route: parseRoute(hash) }
  return cached.route
}

export const useRoute = (): Route => useSyncExternalStore(subscribe, current)

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null // a hand-written address with a stray percent sign
  }
}
