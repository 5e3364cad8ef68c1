import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { demoConfig, makeFolder, type TestFolder } from './support/folder.ts'
import { descendants, expectGone, isRunning } from './support/processes.ts'
import { root, startServing } from './support/serve.ts'

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
const { DISPLAY: _x, WAYLAND_DISPLAY: _wayland, ELECTRON_OVERRIDE_DIST_PATH: _override, ...noDisplay } = process.env

describe.runIf(process.platform === 'linux')('starting as the README says', () => {
  let folder: TestFolder
  beforeEach(() => {
    folder = makeFolder(demoConfig)
  })
  afterEach(() => folder[Symbol.dispose]())
  const options = () => ['--', '--port', '0', '--user-data-dir', folder.path]

  test('npm start without a display says why in one line and serves; Ctrl-C ends all of it', async () => {
    // A group of its own, as a terminal gives each command: its Ctrl-C reaches npm, the shell and Node at once.
    const serving = await startServing(npm, ['start', ...options()], { env: noDisplay, detached: true })
    expect(serving.stderr()).toMatch(/^No window: no display \(DISPLAY and WAYLAND_DISPLAY are unset\)\. Serving .*$/m)
    expect(serving.stdout.filter((line) => line.startsWith('{'))).toHaveLength(1)
    const dashboard = await fetch(serving.ready.dashboard)
    expect(dashboard.status).toBe(200)
    await expect.poll(() => descendants(serving.pid).length, { timeout: 15_000 }).toBeGreaterThan(3)
    const all = [serving.pid, ...descendants(serving.pid)]
    process.kill(-serving.pid, 'SIGINT')
    // What npm ends with is the shell's doing, which takes the signal for itself once the command has ended.
    expect([0, 'SIGINT']).toContain(await serving.ended)
    expect(serving.stderr()).toMatch(/SIGINT: draining.*stopped/s)
    await expectGone(all)
  })

  test('a SIGTERM to npm run serve alone drains and leaves nothing behind', async () => {
    const serving = await startServing(npm, ['run', 'serve', ...options()], { env: noDisplay })
    await expect.poll(() => descendants(serving.pid).length, { timeout: 15_000 }).toBeGreaterThan(3)
    const all = descendants(serving.pid)
    await serving.end('SIGTERM')
    await expectGone(all)
    expect(serving.stderr()).toMatch(/SIGTERM: draining.*stopped/s)
  })

  test('what is wrong with the options is one line, and exit code 2', async () => {
    const args = ['electron/start.mjs', 'serve', '--port', '70000', '--user-data-dir', folder.path]
    const { exitCode, stdout, stderr } = await execa(process.execPath, args, {
      cwd: root,
      reject: false,
      env: noDisplay,
    })
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('70000')])
  })

  test('with a runtime the window opens; a signal that comes twice quits it in order', async () => {
    const env = { ...noDisplay, ELECTRON_OVERRIDE_DIST_PATH: join(root, 'test/standin') }
    const args = ['electron/start.mjs', '--port', '0', '--user-data-dir', folder.path]
    const start = execa(process.execPath, args, { cwd: root, env, extendEnv: false, reject: false })
    // Shell, Chromium, watchdog and two demo servers.
    await expect.poll(() => descendants(start.pid ?? 0).length, { timeout: 20_000 }).toBeGreaterThan(5)
    const all = descendants(start.pid ?? 0)
    start.kill('SIGINT')
    start.kill('SIGINT')
    const { exitCode, stdout } = await start
    expect(exitCode).toBe(0)
    expect(stdout).toBe('')
    expect(existsSync(join(folder.path, 'window.json'))).toBe(true)
    await expectGone(all)
  })

  test('a runtime that cannot start is told, and the host serves instead', async () => {
    const env = { ...noDisplay, ELECTRON_OVERRIDE_DIST_PATH: join(root, 'test/e2e/support/broken-electron') }
    const args = ['electron/start.mjs', '--port', '0', '--user-data-dir', folder.path]
    const serving = await startServing(process.execPath, args, { env })
    expect(serving.stderr()).toContain("No window: Electron can't start here (exit code 127)")
    expect(isRunning(serving.pid)).toBe(true)
    expect(await serving.end()).toBe(0)
  })
})
