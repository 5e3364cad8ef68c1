import { expect, test } from 'vitest'
import {
  exposedName,
  exposedUri,
  isShortened,
  maxNameLength,
  namespacesOf,
  schemeOf,
  splitName,
  splitUri,
} from '../../../electron/gateway/aggregate/namespaces.ts'

const prefixes = (...names: string[]) => namespacesOf(names).map(({ prefix }) => prefix)

test('a plain name is its own prefix; others keep what clients take of them', () => {
  expect(prefixes('github', 'my-server', 'My_Server2')).toEqual(['github', 'my-server', 'My_Server2'])
  expect(prefixes('Café @home/files')).toEqual(['Cafe-home-files'])
  expect(prefixes('a__b')).toEqual(['a_b'])
  expect(prefixes('数据')[0]).toMatch(/^u-[0-9a-f]{6}$/)
})

test('names that would look alike are told apart, the same whatever order they come in; the exact one keeps its name', () => {
  const one = prefixes('a b', 'a-b', 'a.b', 'A-B')
  expect(new Set(one.map((prefix) => prefix.toLowerCase())).size).toBe(3)
  expect(one[1]).toBe('a-b')
  expect(prefixes('A-B', 'a.b', 'a-b', 'a b')).toEqual(one.toReversed())
})

test('every name leads back: tools with "__" in theirs, URIs with "+" and templates', () => {
  const [namespace = { upstream: '', prefix: '' }] = namespacesOf(['my_server'])
  expect(exposedName(namespace, 'a__b')).toBe('my_server__a__b')
  expect(splitName('my_server__a__b')).toEqual({ prefix: 'my_server', name: 'a__b' })
  expect(splitName('plain')).toBeUndefined()
  for (const uri of ['file:///a+b', 'git+ssh://x/{path}', 'README'])
    expect(splitUri(exposedUri(namespace, uri))).toEqual({ scheme: schemeOf(namespace), uri })
  expect(new URL(exposedUri(namespace, 'file:///a')).protocol).toBe(`${schemeOf(namespace)}+file:`)
  const [digits = { upstream: '', prefix: '' }] = namespacesOf(['1st'])
  expect(schemeOf(digits)).toMatch(/^[a-z][a-z0-9.+-]*$/)
})

test('a name that would be too long is shortened, and differs from its neighbours', () => {
  const [namespace = { upstream: '', prefix: '' }] = namespacesOf(['x'.repeat(64)])
  const names = ['a', 'b'].map((end) => exposedName(namespace, 'y'.repeat(100) + end))
  expect(names.map((name) => [name.length, isShortened(name)])).toEqual([
    [maxNameLength, true],
    [maxNameLength, true],
  ])
  expect(new Set(names).size).toBe(2)
})
