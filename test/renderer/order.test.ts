import { describe, expect, test } from 'vitest'
import { isBroken, orderUpstreams } from '../../renderer/features/overview/order.ts'
import { FakeWorld } from './fake-world.ts'

const upstreams = [...new FakeWorld().upstreams.values()]
const names = upstreams.map(({ name }) => name)
const broken = upstreams.filter(isBroken).map(({ name }) => name)

describe('the order of the overview', () => {
  test('what is broken comes first, then the order of the config file', () => {
    const order = orderUpstreams(upstreams, { key: 'config', descending: false }, '')
    expect(broken).toEqual([
      'postgres',
      'browser',
      'notion',
      'gitlab',
      'figma',
      'jira',
      'stripe',
      'intranet',
      'weather',
    ])
    expect(order).toEqual([...broken, ...names.filter((name) => !broken.includes(name))])
  })

  test('no column moves what is broken down', () => {
    const order = orderUpstreams(upstreams, { key: 'memory', descending: true }, '')
    expect(new Set(order.slice(0, broken.length))).toEqual(new Set(broken))
  })

  test('missing figures are last in both directions', () => {
    for (const descending of [true, false]) {
      const order = orderUpstreams(upstreams, { key: 'p95', descending }, '').slice(broken.length)
      const missing = order.map((name) => upstreams.find((upstream) => upstream.name === name)?.stats.p95Ms === null)
      expect(missing).toEqual([...missing].sort((a, b) => Number(a) - Number(b)))
    }
  })

  test('the filter looks at name, state and command', () => {
    const order = (filter: string) => orderUpstreams(upstreams, { key: 'config', descending: false }, filter)
    expect(order('GITHUB')).toEqual(['github'])
    expect(order('suspended')).toEqual(['search'])
    expect(order('crm-mcp.jar')).toEqual(['legacy-crm'])
    expect(order('no such thing')).toEqual([])
  })
})
