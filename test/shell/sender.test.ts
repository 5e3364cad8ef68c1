import { expect, test } from 'vitest'
import { isTrustedSender } from '../../electron/shell/sender.ts'

const trusted = ['app://poolscope']

test('only the top frame of our own origin is trusted', () => {
  expect(isTrustedSender({ origin: 'app://poolscope', parent: null }, trusted)).toBe(true)
  expect(isTrustedSender({ origin: 'app://poolscope', parent: {} }, trusted)).toBe(false)
  expect(isTrustedSender({ origin: 'app://poolscope.example', parent: null }, trusted)).toBe(false)
  expect(isTrustedSender({ origin: 'https://example.com', parent: null }, trusted)).toBe(false)
  expect(isTrustedSender({ origin: 'null', parent: null }, trusted)).toBe(false)
})

test('a frame that has navigated away since is not trusted', () => {
  expect(isTrustedSender(null, trusted)).toBe(false)
})
