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

test.each([
  ['https://a.test/mcp?api_key=1&x=2', 'https://a.test/mcp?api_key=••••&x=2'],
  ['https://me:hunter2@a.test/mcp', 'https://me:••••@a.test/mcp'],
  ['https://ghp_abcdef@a.test/mcp', 'https://••••@a.test/mcp'],
  ['https://a.test/api/s/YjQ3MTk2ZGEtNzRmNi00OTg2/mcp', 'https://a.test/api/s/••••/mcp'],
  ['https://a.test/servers/a-server-with-a-long-name/mcp', 'https://a.test/servers/a-server-with-a-long-name/mcp'],
  ['https://a.test/${TEAM}/mcp', 'https://a.test/${TEAM}/mcp'],
])('secrets in %s are masked and the rest stays', (url, shown) => {
  expect(maskUrl(url)).toBe(shown)
  expect(describeTarget({ transport: 'http', url })).toBe(shown)
})
