import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Dashboard, pictureTrafficMs } from './support/dashboard.ts'
import { configComment, demoConfig } from './support/folder.ts'
import type { Launched } from './support/launch.ts'
import { descendants, expectGone, isRunning } from './support/processes.ts'
import { root } from './support/serve.ts'

/** A small MCP server that answers everything. */
const fixtureChild = join(root, 'test/fixtures/children/echo.mjs')

/**
 * What a person does with the dashboard, the same in both shells. They share one launch and run in this order, until
 * the last one quits.
 */
export function dashboardScenarios(launch: (config: string) => Promise<Launched>): { current(): Launched } {
  let launched: Launched
  let dashboard: Dashboard

  beforeAll(async () => {
    launched = await launch(demoConfig)
    launched.page.setDefaultTimeout(10_000) // say which step hangs, before the test's own time is over
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

  test(
    'demo traffic moves idle and active, and draws the latency chart',
    async () => {
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
      await delay(pictureTrafficMs)
      await dashboard.shoot(`${launched.kind}-upstream-traffic`)
      await dashboard.openOverview()
      await dashboard.shoot(`${launched.kind}-overview-traffic`)
      await dashboard.demoTraffic.click()
      await expect.poll(() => dashboard.figure('demo', 'active'), { timeout: 15_000 }).toBe('0')
    },
    60_000 + pictureTrafficMs,
  )

  test('a kill asks first; then the process is gone and another PID takes its place', async () => {
    const [victim = 0, other = 0] = await twoIdle()
    await dashboard.processRow(victim).getByRole('button', { name: /^Kill/ }).click()
    await dashboard.dialog().getByRole('button', { name: 'Cancel' }).click()
    expect(isRunning(victim)).toBe(true)
    await dashboard.processRow(victim).getByRole('button', { name: /^Kill/ }).click()
    await dashboard.dialog().getByRole('button', { name: /^Kill/ }).click()
    await expectGone([victim])
    const after = await dashboard.idlePids(2, { without: [victim] })
    expect(after).toContain(other)
    expect(after.every(isRunning)).toBe(true)
    await dashboard.shoot(`${launched.kind}-after-kill`)
  })

  test('spawn opens one more; drain and restart close the chosen one', async () => {
    const before = await twoIdle()
    await dashboard.action('demo', 'Spawn').click()
    const three = await dashboard.idlePids(3)
    const spawned = three.find((pid) => !before.includes(pid)) ?? 0
    expect(isRunning(spawned)).toBe(true)
    await dashboard
      .processRow(spawned)
      .getByRole('button', { name: /^Drain/ })
      .click()
    await dashboard.idlePids(2, { without: [spawned] })
    await expectGone([spawned])
    const [first = 0] = before
    await dashboard
      .processRow(first)
      .getByRole('button', { name: /^Restart/ })
      .click()
    await expectGone([first], 10_000)
    await dashboard.idlePids(2, { without: [first] })
  })

  test('restart of the upstream replaces every process', async () => {
    const before = await twoIdle()
    await dashboard.action('demo', 'Restart').click()
    await expectGone(before, 15_000)
    const after = await dashboard.idlePids(2, { without: before })
    expect(after.every(isRunning)).toBe(true)
  })

  test('suspend keeps the processes and shows it; resume takes it back', async () => {
    const before = await twoIdle()
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

  test('an upstream is added in the dialog: checked while typing, started at once, saved with the comments kept', async () => {
    await launched.page.getByRole('button', { name: 'Add upstream' }).first().click()
    const dialog = dashboard.dialog()
    await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('extra')
    const command = dialog.getByRole('textbox', { name: 'Command', exact: true })
    await command.fill('no-such-program-anywhere')
    await dialog
      .getByText(/not found|no program/i)
      .first()
      .waitFor()
    await command.fill(process.execPath)
    await dialog
      .getByText(/not found|no program/i)
      .first()
      .waitFor({ state: 'hidden' })
    await dialog.getByRole('textbox', { name: 'Arguments', exact: true }).fill(fixtureChild)
    await dialog.getByRole('button', { name: 'Add upstream' }).click()
    await dialog.waitFor({ state: 'hidden' })
    await dashboard.openOverview()
    await dashboard.upstream('extra').waitFor()
    const config = readFileSync(launched.folder.configFile, 'utf8')
    expect(config).toContain(configComment)
    expect(config).toContain('"extra"')
    await dashboard.openUpstream('extra', 'Processes')
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
    const seen = await launched.page.evaluate(async () => {
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
      // What the DevTools protocol runs may evaluate; what a timer of the page runs is under the policy.
      await new Promise((resolve) => setTimeout(resolve))
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

  /** Traffic may have grown the pool; what is beyond minIdle goes after ten minutes, or now, by hand. */
  async function twoIdle(): Promise<number[]> {
    await dashboard.openUpstream('demo', 'Processes')
    let pids = await dashboard.idlePids()
    for (let extra = pids[2]; extra !== undefined; extra = pids[2]) {
      await dashboard.processRow(extra).getByRole('button', { name: 'Drain' }).click()
      pids = await dashboard.idlePids(undefined, { without: [extra] })
    }
    return dashboard.idlePids(2)
  }

  return { current: () => launched }
}

/** A config without servers: the dashboard says how to begin. */
export function emptyScenario(launch: (config: string) => Promise<Launched>): void {
  test('without upstreams the overview says how to begin', async () => {
    const launched = await launch('{ "mcpServers": {} }')
    try {
      const main = launched.page.getByRole('main')
      await main.getByRole('button', { name: /Add/ }).first().waitFor({ timeout: 10_000 })
      await new Dashboard(launched.page).shoot(`${launched.kind}-empty`)
      expect(launched.complaints).toEqual([])
    } finally {
      await launched.dispose()
    }
  })
}
