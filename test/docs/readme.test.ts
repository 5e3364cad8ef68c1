import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { withCommandTable } from './command-table.ts'

const root = resolve(import.meta.dirname, '../..')
const readme = readFileSync(resolve(root, 'README.md'), 'utf8')

test('the README lists the commands as the contract has them (npm run docs writes them)', () => {
  expect(readme).toBe(withCommandTable(readme))
})

test('every file that the README links to, and every npm script that it names, exists', () => {
  for (const [, target = ''] of readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
    expect(existsSync(resolve(root, target)), target).toBe(true)
  }
  for (const [, script = ''] of readme.matchAll(/npm run (?:-s )?([\w:-]+)/g))
    expect(Object.keys(packageJson.scripts)).toContain(script)
})
