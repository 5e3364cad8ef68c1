import { expect, test } from 'vitest'
import { describeTarget } from '../../electron/config/mask.ts'
import { resolveConfig } from '../../electron/config/resolve.ts'
import { children } from '../fixtures/children/index.ts'
import { serve } from '../support/serve.ts'

const echo = { command: process.execPath, args: [children.echo] }

test('a percent sign that is no escape in a URL with a secret is shown and harms nobody', () => {
  const args = ['https://h/100%?key=1', 'https://h/%zz?token=%E0%A4%A']
  expect(describeTarget({ transport: 'stdio', command: 'x', args })).not.toContain('key=1')
})

test('a name that can be no part of a URL is refused', () => {
  expect(() => resolveConfig({ mcpServers: { '\ud800': echo } })).toThrow(/printable/)
})

test('names and variables that every object has are nothing special', async () => {
  const mcpServers = Object.fromEntries(
    ['constructor', 'toString', 'hasOwnProperty'].map((name) => [name, { ...echo, pool: { minIdle: 1 } }]),
  )
  const served = await serve({ config: { mcpServers } })
  const checked = await served.command('upstream.check', {
    name: 'n',
    entry: { command: 'node', args: ['${constructor}'] },
  })
  expect(checked.findings[0]?.message).toMatch(/constructor is not set/)
  for (const name of Object.keys(mcpServers)) {
    const { result } = await served.command('request.send', { upstream: name, method: 'tools/list' })
    expect(result).toMatchObject({ tools: expect.any(Array) })
  }
  const answer = await served.reply('%zz', {})
  expect(answer).toMatchObject({ status: 404, reply: { error: { code: 'COMMAND_NOT_FOUND' } } })
  await served.stop()
})
