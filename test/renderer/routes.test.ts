import { describe, expect, test } from 'vitest'
import { parseRoute, type Route, toHash } from '../../renderer/app/routes.ts'

describe('routes', () => {
  test.each<[string, Route]>([
    ['', { screen: 'overview' }],
    ['#', { screen: 'overview' }],
    ['#/', { screen: 'overview' }],
    ['#/events', { screen: 'events', upstream: null }],
    ['#/events?upstream=a%20b', { screen: 'events', upstream: 'a b' }],
    ['#/upstreams/demo', { screen: 'upstream', name: 'demo', tab: 'health' }],
    ['#/upstreams/demo/stderr', { screen: 'upstream', name: 'demo', tab: 'stderr' }],
    ['#/upstreams/%E0%A4%A/health', { screen: 'not-found', path: '/upstreams/%E0%A4%A/health' }],
    ['#/upstreams', { screen: 'not-found', path: '/upstreams' }],
    ['#/bench', { screen: 'not-found', path: '/bench' }],
  ])('%s', (hash, route) => expect(parseRoute(hash)).toEqual(route))

  test.each(['demo', '@scope/server', 'mit Leerzeichen', 'ünïcödé', 'a/b/c', 'q?x=1&y', '100%'])(
    'the address of %j leads back to it',
    (name) => {
      const route = { screen: 'upstream', name, tab: 'health' } as const
      expect(parseRoute(toHash(route))).toEqual(route)
      const events = { screen: 'events', upstream: name } as const
      expect(parseRoute(toHash(events))).toEqual(events)
    },
  )
})
