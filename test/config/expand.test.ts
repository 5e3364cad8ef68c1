import { homedir } from 'node:os'
import { expect, test } from 'vitest'
import { expand } from '../../electron/config/expand.ts'

const variables = (name: string) => ({ TOKEN: 's3cret', EMPTY: '', HOME_DIR: '/home/a' })[name]
const run = (text: string) => expand(text, variables, 'env.X')

test.each([
  ['plain', 'plain'],
  ['${TOKEN}', 's3cret'],
  ['Bearer ${TOKEN}!', 'Bearer s3cret!'],
  ['${env:TOKEN}', 's3cret'],
  ['${MISSING:-fallback}', 'fallback'],
  ['${MISSING:-}', ''],
  ['${MISSING:-http://a:80/}', 'http://a:80/'],
  ['${EMPTY:-fallback}', 'fallback'],
  ['${EMPTY}', ''],
  ['${env:MISSING:-x}', 'x'],
  ['$TOKEN and $$ and {TOKEN}', '$TOKEN and $$ and {TOKEN}'],
  ['${userHome}/x', `${homedir()}/x`],
  ['${HOME_DIR}${TOKEN}', '/home/as3cret'],
])('%s becomes %s', (text, expected) => {
  expect(run(text)).toBe(expected)
})

test('a variable that is not set and has no default is an error that names it and its place, not its neighbours', () => {
  expect(() => run('${TOKEN}/${MISSING}')).toThrow(/^env\.X: the environment variable MISSING is not set/)
})

test('an input of VS Code that cannot be asked for here is an error that says so', () => {
  expect(() => run('${input:api-key}')).toThrow(/can't be filled in here/)
})

test('an expanded value is not expanded again', () => {
  expect(expand('${A}', () => '${B}', 'args.0')).toBe('${B}')
})
