import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readLaunchOptions } from '../../electron/shell/options.ts'

const read = (...args: string[]) => readLaunchOptions(['/usr/bin/electron', ...args])

test('our options are read in both spellings, and paths become absolute', () => {
  const expected = { configFile: resolve('a.json'), userDataDir: '/data', port: 0, auth: 'none' }
  expect(read('.', '--config=a.json', '--user-data-dir=/data', '--port=0', '--auth=none')).toEqual(expected)
  expect(read('.', '--config', 'a.json', '--user-data-dir', '/data', '--port', '0', '--auth', 'none')).toEqual(expected)
})

test("Chromium's and Playwright's own switches are left alone", () => {
  expect(read('--no-sandbox', '--inspect=0', '--remote-debugging-port=0', '/app', '--force-dark-mode')).toEqual({})
})

test.each([
  [['--port=70000'], '--port 70000: a port is a whole number'],
  [['--port=1e3'], '--port 1e3: a port is a whole number'],
  [['--auth=basic'], '--auth basic: must be none or bearer'],
  [['--config'], '--config needs a value'],
  [['--user-data-dir='], '--user-data-dir needs a value'],
])('%j is refused with what is wrong', (args, message) => {
  expect(read(...args)).toEqual({ error: expect.stringContaining(message) })
})
