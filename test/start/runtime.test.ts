import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startModule, TemporaryProject } from './project.ts'

type Runtime = { executable: string } | { why: string }
const { findRuntime } = await startModule<{ findRuntime(options: { root: string; node: string }): Runtime }>(
  'runtime.mjs',
)
const node = process.execPath

/** Stands for the electron package; `install` is what its install.js does. */
const makeProject = (install: string) =>
  new TemporaryProject({
    'node_modules/electron/package.json': '{"version":"45.0.0","type":"commonjs"}',
    'node_modules/electron/install.js': `
      const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
      process.chdir(__dirname)
      appendFileSync('runs', 'x')
      ${install}`,
  })
const installs = `mkdirSync('dist'); writeFileSync('dist/electron', ''); writeFileSync('path.txt', 'electron')`
const fails = `console.error('RequestError: no route to the mirror\\n    at somewhere'); process.exitCode = 1`
const runs = (root: string) => {
  const file = join(root, 'node_modules/electron/runs')
  return existsSync(file) ? readFileSync(file).length : 0
}

describe.runIf(process.platform === 'linux')('looking for the Electron runtime', () => {
  beforeEach(() => {
    vi.stubEnv('ELECTRON_OVERRIDE_DIST_PATH', undefined)
    vi.stubEnv('WAYLAND_DISPLAY', undefined)
    vi.stubEnv('DISPLAY', ':0')
    vi.spyOn(process, 'getuid').mockReturnValue(1000)
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  test('one that is missing is fetched once and found from then on', () => {
    using project = makeProject(installs)
    const { root } = project
    const executable = join(root, 'node_modules/electron/dist/electron')
    expect(findRuntime({ root, node })).toEqual({ executable })
    expect(findRuntime({ root, node })).toEqual({ executable })
    expect(runs(root)).toBe(1)
  })

  test('a failure says why in one line and is remembered, so that the next start is not held up', () => {
    using project = makeProject(fails)
    const { root } = project
    expect(findRuntime({ root, node })).toEqual({
      why: "the Electron runtime can't be fetched (RequestError: no route to the mirror)",
    })
    expect(findRuntime({ root, node })).toEqual({
      why: expect.stringMatching(/no route to the mirror; next attempt after 2/),
    })
    expect(runs(root)).toBe(1)
  })

  test('a failure is forgotten after a day, and with another version of Electron', () => {
    using project = makeProject(fails)
    const { root } = project
    findRuntime({ root, node })
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 25 * 3_600_000)
    findRuntime({ root, node })
    expect(runs(root)).toBe(2)
    project.write('node_modules/electron/package.json', '{"version":"46.0.0","type":"commonjs"}')
    findRuntime({ root, node })
    expect(runs(root)).toBe(3)
  })

  test('without a display, or as root, nothing is fetched', () => {
    using project = makeProject(installs)
    const { root } = project
    vi.stubEnv('DISPLAY', undefined)
    expect(findRuntime({ root, node })).toEqual({ why: 'no display (DISPLAY and WAYLAND_DISPLAY are unset)' })
    vi.stubEnv('WAYLAND_DISPLAY', 'wayland-0')
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    expect(findRuntime({ root, node })).toEqual({ why: expect.stringContaining('root') })
    expect(runs(root)).toBe(0)
  })

  test('a given runtime needs no display', () => {
    using project = makeProject(fails)
    project.write('own/electron', '')
    vi.stubEnv('DISPLAY', undefined)
    vi.stubEnv('ELECTRON_OVERRIDE_DIST_PATH', join(project.root, 'own'))
    expect(findRuntime({ root: project.root, node })).toEqual({ executable: join(project.root, 'own/electron') })
  })
})
