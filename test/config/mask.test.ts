import { expect, test } from 'vitest'
import { describeTarget, maskUrl } from '../../electron/config/mask.ts'

test.each([
  [['--api-key', 'abc', 'x'], 'run --api-key •••• x'],
  [['--api-key=abc'], 'run --api-key=••••'],
  [['--token', '--verbose'], 'run --token --verbose'],
  [['-y', '@scope/pkg@1.2.3', '/a b'], 'run -y @scope/pkg@1.2.3 "/a b"'],
  [['postgres://me:hunter2@db/x'], 'run postgres://me:••••@db/x'],
])('secrets in %j are masked', (args, expected) => {
  expect(describeTarget({ transport: 'stdio', command: 'run', args })).toBe(expected)
})

test('secrets in a URL are masked and the rest stays', () => {
  expect(maskUrl('https://a.test/mcp?api_key=1&x=2')).toBe('https://a.test/mcp?api_key=••••&x=2')
})
