import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startModule, TemporaryProject } from './project.ts'

const { build } = await startModule<{
  build(options: { root: string; node: string; force?: boolean }): Promise<boolean>
}>('build.mjs')

/** Stands for a build tool: counts its runs, and fails while there is a file `broken`. */
const tool = `
import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
mkdirSync('out', { recursive: true })
appendFileSync('out/runs', 'x')
process.exitCode = existsSync('broken') ? 1 : 0
`
const makeProject = () =>
  new TemporaryProject({
    'shared/a.ts': '',
    'electron/deep/b.ts': '',
    'renderer/c.tsx': '',
    'package.json': '{"type":"module"}',
    'package-lock.json': '',
    'tsconfig.json': '',
    'electron.vite.config.ts': '',
    'vite.node.config.ts': '',
    'node_modules/electron-vite/bin/electron-vite.js': tool,
    'node_modules/vite/bin/vite.js': tool,
    'node_modules/package.json': '{"type":"module"}',
  })
const node = process.execPath

beforeAll(() => void vi.spyOn(process.stderr, 'write').mockReturnValue(true)) // it tells when it builds
afterAll(() => vi.restoreAllMocks())
/** Each build runs two tools. */
const builds = (root: string) =>
  existsSync(join(root, 'out/runs')) ? readFileSync(join(root, 'out/runs')).length / 2 : 0

test('builds once, and again only when a source has changed, was added or removed', async () => {
  using project = makeProject()
  const { root } = project
  expect(await build({ root, node })).toBe(true)
  expect(await build({ root, node })).toBe(true)
  expect(builds(root)).toBe(1)
  project.write('docs/readme.md', 'not a source')
  await build({ root, node })
  expect(builds(root)).toBe(1)
  project.write('electron/deep/b.ts', 'changed')
  await build({ root, node })
  expect(builds(root)).toBe(2)
  project.write('renderer/new.tsx', '')
  await build({ root, node })
  expect(builds(root)).toBe(3)
  rmSync(join(root, 'renderer/new.tsx'))
  await build({ root, node })
  expect(builds(root)).toBe(4)
})

test('a forced build runs in any case', async () => {
  using project = makeProject()
  const { root } = project
  await build({ root, node })
  await build({ root, node, force: true })
  expect(builds(root)).toBe(2)
})

test('a failed build is tried again, though nothing has changed', async () => {
  using project = makeProject()
  const { root } = project
  project.write('broken', '')
  expect(await build({ root, node })).toBe(false)
  expect(await build({ root, node })).toBe(false)
  rmSync(join(root, 'broken'))
  expect(await build({ root, node })).toBe(true)
  expect(builds(root)).toBe(3)
})
