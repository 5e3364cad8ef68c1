import { describe, expect, test } from 'vitest'
import { dashboardScenarios, emptyScenario } from './scenarios.ts'
import { Dashboard } from './support/dashboard.ts'
import { launchBrowser } from './support/launch.ts'
import { descendants, expectGone, isRunning } from './support/processes.ts'

describe('in a browser', () => {
  const { current } = dashboardScenarios(launchBrowser)
  emptyScenario(launchBrowser)

  test('a host killed with SIGKILL leaves no child; the page says so, and goes on with the next host', async () => {
    const launched = current()
    const dashboard = new Dashboard(launched.page)
    const before = descendants(launched.hostPid)
    expect(before.length).toBeGreaterThanOrEqual(2)
    await launched.killAndRestartHost?.(async () => {
      await expectGone(before, 3_000)
      await dashboard.lost.waitFor({ timeout: 15_000 })
    })
    await dashboard.lost.waitFor({ state: 'hidden', timeout: 30_000 })
    await dashboard.openUpstream('demo', 'Processes')
    const after = await dashboard.idlePids(2, { without: before })
    expect(after.every(isRunning)).toBe(true)
  })

  test('SIGTERM drains and leaves no child', async () => {
    const launched = current()
    const children = descendants(launched.hostPid)
    expect(children.length).toBeGreaterThanOrEqual(2)
    await launched.quit()
    await expectGone(children)
  })
})
