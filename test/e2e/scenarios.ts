import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Dashboard } from './support/dashboard.ts'
import { configComment, demoConfig } from './support/folder.ts'
import type { Launched } from './support/launch.ts'
import { descendants, expectGone, isRunning } from './support/processes.ts'
import { root } from './support/serve.ts'

/**
 * What a person does with the dashboard, the same in both shells. They share one launch and run in this order: each
 * leaves the demo upstream as it found it, with two idle processes, until the last one quits.
 */
export function dashboardScenarios(launch: (config: string) => Promise<Launched>): { current(): Launched } {
  let launched: Launched
  let dashboard: Dashboard

  beforeAll(async () => {
    launched = await launch(demoConfig)
    dashboard = new Dashboard(launched.page)
    await dashboard.upstreams.waitFor()
  })
  afterAll(() => launched?.dispose())

  test('the overview shows the demo upstream, and its PIDs really run below the host', async () => {
    await expect.poll(() => dashboard.figure('demo', 'idle'), { timeout: 15_000 }).toBe('2')
    expect(await dashboard.figure('demo', 'active')).toBe('0')
    expect(await dashboard.figure('demo', 'max')).toBe('4')
    await dashboard.openUpstream('demo', 'Processes')
    const pids = await dashboard.idlePids(2)
    expect(pids.every(isRunning)).toBe(true)
    expect(descendants(launched.hostPid)).toEqual(expect.arrayContaining(pids))
  })

  test('demo traffic moves idle and active, and draws the latency chart', async () => {
    await dashboard.openOverview()
    await dashboard.demoTraffic.click()
    await expect.poll(() => dashboard.figure('demo', 'active'), { timeout: 15_000, interval: 50 }).not.toBe('0')
    await expect.poll(() => dashboard.figure('demo', 'p50'), { timeout: 15_000 }).toMatch(/\d/)
    await dashboard.openUpstream('demo', 'Health')
    const chart = launched.page.getByRole('figure', { name: /^Latency/ })
    const curve = chart.locator('path.recharts-line-curve').first()
    // Several seconds with calls: the path has points at different places, and not one move.
    const pointsDrawn = async () => ((await curve.getAttribute('d')) ?? '').match(/[ML]/g)?.length ?? 0
    await expect.poll(pointsDrawn, { timeout: 20_000 }).toBeGreaterThan(3)
    expect((await curve.boundingBox())?.width).toBeGreaterThan(1)
    await dashboard.shoot(`${launched.kind}-upstream-traffic`)
    await dashboard.openOverview()
    await dashboard.shoot(`${launched.kind}-overview-traffic`)
    await dashboard.demoTraffic.click()
    await expect.poll(() => dashboard.figure('demo', 'active'), { timeout: 15_000 }).toBe('0')
  })

  test('a kill asks first; then the process is gone and another PID takes its place', async () => {
    await restoreTwoIdle()
    const [victim = 0, other = 0] = await dashboard.idlePids(2)
    await dashboard.processRow(victim).getByRole('button', { name: /^Kill/ }).click()
    await dashboard.dialog().getByRole('button', { name: 'Cancel' }).click()
    expect(isRunning(victim)).toBe(true)
    await dashboard.processRow(victim).getByRole('button', { name: /^Kill/ }).click()
    await dashboard.dialog().getByRole('button', { name: /^Kill/ }).click()
    await expectGone([victim])
    await expect.poll(async () => (await dashboard.processRows()).map(({ pid }) => pid)).not.toContain(victim)
    const after = await dashboard.idlePids(2)
    expect(after).toContain(other)
    expect(after.every(isRunning)).toBe(true)
    await dashboard.shoot(`${launched.kind}-after-kill`)
  })

  test('spawn opens one more; drain and restart close the chosen one', async () => {
    const before = await dashboard.idlePids(2)
    await dashboard.action('demo', 'Spawn').click()
    const three = await dashboard.idlePids(3)
    const spawned = three.find((pid) => !before.includes(pid)) ?? 0
    expect(isRunning(spawned)).toBe(true)
    await dashboard
      .processRow(spawned)
      .getByRole('button', { name: /^Drain/ })
      .click()
    expect(await dashboard.idlePids(2)).not.toContain(spawned)
    await expectGone([spawned])
    const [first = 0] = before
    await dashboard
      .processRow(first)
      .getByRole('button', { name: /^Restart/ })
      .click()
    await expectGone([first], 10_000)
    expect(await dashboard.idlePids(2)).not.toContain(first)
  })

  test('restart of the upstream replaces every process', async () => {
    const before = await dashboard.idlePids(2)
    await dashboard.action('demo', 'Restart').click()
    await expectGone(before, 15_000)
    const after = await dashboard.idlePids(2)
    expect(after.filter((pid) => before.includes(pid))).toEqual([])
  })

  test('suspend keeps the processes and shows it; resume takes it back', async () => {
    const before = await dashboard.idlePids(2)
    await dashboard.action('demo', 'Suspend').click()
    await dashboard.action('demo', 'Resume').waitFor()
    await dashboard.openOverview()
    await expect.poll(() => dashboard.figure('demo', 'state')).toMatch(/suspended/i)
    await dashboard.openUpstream('demo', 'Processes')
    expect(await dashboard.idlePids(2)).toEqual(before)
    await dashboard.action('demo', 'Resume').click()
    await dashboard.action('demo', 'Suspend').waitFor()
    await dashboard.openOverview()
    await expect.poll(() => dashboard.figure('demo', 'state')).not.toMatch(/suspended/i)
  })

  test('an upstream is added in the dialog, starts at once, and is saved with the comments kept', async () => {
    await launched.page.getByRole('button', { name: 'Add upstream' }).first().click()
    const dialog = dashboard.dialog()
    await dialog.getByLabel('Name').fill('extra')
    await dialog.getByLabel('Command').fill(process.execPath)
    await dialog
      .getByLabel(/^Arguments/)
      .first()
      .fill(join(root, 'out/cli/demo-server.js'))
    await dialog.getByRole('button', { name: /^Add/ }).last().click()
    await dialog.waitFor({ state: 'hidden' })
    await dashboard.openOverview()
    await dashboard.upstream('extra').waitFor()
    const config = readFileSync(launched.folder.configFile, 'utf8')
    expect(config).toContain(configComment)
    expect(config).toContain('"extra"')
    await dashboard.openUpstream('extra', 'Processes')
    await dashboard.action('extra', 'Spawn').click()
    const [pid = 0] = await dashboard.idlePids(1)
    expect(isRunning(pid)).toBe(true)
  })

  test('a removed upstream is gone: row, process and entry', async () => {
    await dashboard.openUpstream('extra', 'Processes')
    const pids = await dashboard.idlePids(1)
    await dashboard.action('extra', 'Remove').click()
    await dashboard.dialog().getByRole('button', { name: 'Remove' }).click()
    await dashboard.upstreams.waitFor()
    await dashboard.upstream('extra').waitFor({ state: 'hidden' })
    await expectGone(pids)
    const config = readFileSync(launched.folder.configFile, 'utf8')
    expect(config).not.toContain('"extra"')
    expect(config).toContain(configComment)
  })

  test('nothing of all this made the page complain', () => {
    expect(launched.complaints).toEqual([])
  })

  test('the page has no Node, no eval and no inline scripts', async () => {
    const seen = await launched.page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'window.inlineRan = true'
      document.body.append(script)
      const evaluates = () => {
        try {
          return new Function('return 1')() === 1
        } catch {
          return false
        }
      }
      return ['require' in window, 'process' in window, 'inlineRan' in window, evaluates()]
    })
    expect(seen).toEqual([false, false, false, false])
  })

  test('a host that stops answering is told at once it is noticed, and the page goes on when it is back', async () => {
    await dashboard.openOverview()
    process.kill(launched.hostPid, 'SIGSTOP')
    try {
      await dashboard.lost.waitFor({ timeout: 15_000 })
      await dashboard.shoot(`${launched.kind}-disconnected`)
    } finally {
      process.kill(launched.hostPid, 'SIGCONT')
    }
    await dashboard.lost.waitFor({ state: 'hidden', timeout: 15_000 })
    await dashboard.openUpstream('demo', 'Processes')
    expect((await dashboard.idlePids(2)).every(isRunning)).toBe(true)
  })

  async function restoreTwoIdle(): Promise<void> {
    // Traffic may have grown the pool; what is beyond minIdle goes after ten minutes, or now, by hand.
    await dashboard.openUpstream('demo', 'Processes')
    await dashboard.action('demo', 'Drain').click()
    await dashboard.idlePids(2)
  }

  return { current: () => launched }
}
