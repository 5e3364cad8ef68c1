import { once } from 'node:events'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { dashboardScenarios, emptyScenario } from './scenarios.ts'
import { Dashboard } from './support/dashboard.ts'
import { demoConfig } from './support/folder.ts'
import { launchDesktop } from './support/launch.ts'
import { descendants, expectGone } from './support/processes.ts'
import { root } from './support/serve.ts'

describe('in the desktop window', () => {
  const { current } = dashboardScenarios(launchDesktop)
  emptyScenario(launchDesktop)

  test('the page gets the preload API, frozen, and nothing else', async () => {
    const seen = await current().page.evaluate(() => {
      const api = (window as unknown as { poolscope: object }).poolscope
      return { keys: Object.keys(api).sort(), frozen: Object.isFrozen(api) }
    })
    expect(seen).toEqual({ keys: ['command', 'onFrame', 'platform'], frozen: true })
  })

  test('a command over IPC is validated like one over HTTP', async () => {
    const replies = await current().page.evaluate(async () => {
      const { command } = (
        window as unknown as { poolscope: { command(name: unknown, arg: unknown): Promise<unknown> } }
      ).poolscope
      return Promise.all([command('no.such', {}), command('upstream.spawn', { upstream: 5 }), command(7, {})])
    })
    expect(replies).toMatchObject([
      { ok: false, error: { code: 'COMMAND_NOT_FOUND' } },
      { ok: false, error: { code: 'INVALID_ARGUMENT' } },
      { ok: false, error: { code: 'INVALID_ARGUMENT' } },
    ])
  })

  test('the page can neither leave its origin nor open windows nor get permissions', async () => {
    const { page, app } = current()
    const before = page.url()
    expect(await page.evaluate(() => window.open('http://127.0.0.1:9/elsewhere'))).toBeNull()
    await page.evaluate(() => void location.assign('http://127.0.0.1:9/elsewhere'))
    await new Dashboard(page).openOverview()
    const states = await page.evaluate(() =>
      Promise.all(
        (['geolocation', 'notifications'] as const).map(
          async (name) => (await navigator.permissions.query({ name })).state,
        ),
      ),
    )
    expect(states).toEqual(['denied', 'denied'])
    expect(page.url().replace(/#.*/, '')).toBe(before.replace(/#.*/, ''))
    expect(app?.context().pages()).toHaveLength(1)
  })

  test('a second start ends at once and leaves the first window as it is', async () => {
    const { main, folder, page } = current()
    const second = await execa(main?.spawnfile ?? '', [root, `--user-data-dir=${folder.path}`])
    expect(second.exitCode).toBe(0)
    await new Dashboard(page).openOverview()
  })

  test('a reload of the page subscribes again, and the frames go on', async () => {
    const { page } = current()
    const dashboard = new Dashboard(page)
    await page.reload()
    await dashboard.openUpstream('demo', 'Processes')
    await dashboard.idlePids(2)
    await dashboard.action('demo', 'Spawn').click()
    await dashboard.idlePids(3)
  })

  test('quitting drains and leaves no process behind', async () => {
    const launched = current()
    const children = descendants(launched.hostPid)
    expect(children.length).toBeGreaterThanOrEqual(3)
    await launched.quit()
    await expectGone([launched.hostPid, ...children])
  })
})

test('SIGTERM quits the desktop app in order, also when it comes twice', async () => {
  const launched = await launchDesktop(demoConfig)
  try {
    const dashboard = new Dashboard(launched.page)
    await expect.poll(() => dashboard.figure('demo', 'idle'), { timeout: 15_000 }).toBe('2')
    const children = descendants(launched.hostPid)
    const { main } = launched
    const exited = main && once(main, 'exit')
    main?.kill('SIGTERM')
    main?.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    await expectGone(children)
  } finally {
    await launched.dispose()
  }
})
