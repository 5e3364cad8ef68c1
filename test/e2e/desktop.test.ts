import { once } from 'node:events'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import type { CommandReply } from '../../shared/contract.ts'
import { AuthorizationServer } from '../auth/fixtures/authorization-server.ts'
import { startHttpServer } from '../fixtures/http/index.ts'
import { protect } from '../host/support/protected-mcp.ts'
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

test('signing in to a remote server opens the system browser, and the server lets the host in', async () => {
  const server = await startHttpServer()
  const issuer = await AuthorizationServer.start()
  const guarded = await protect(server, issuer)
  const launched = await launchDesktop(JSON.stringify({ mcpServers: { docs: { url: guarded.url } } }))
  try {
    const { app, page } = launched
    // Until it is drawn the window may still be on its way to its page.
    await new Dashboard(page).upstreams.waitFor()
    // The system's browser is not to open here: what it would be sent to is noted.
    await app?.evaluate(({ shell }) => {
      const opened: string[] = []
      Object.assign(globalThis, { opened })
      shell.openExternal = async (url) => void opened.push(url)
    })
    const command = (name: string, arg: object) =>
      page.evaluate(
        ([it, argument]) =>
          (
            window as unknown as { poolscope: { command(name: unknown, arg: unknown): Promise<CommandReply> } }
          ).poolscope.command(it, argument),
        [name, arg] as const,
      )
    const reply = await command('upstream.signIn', { upstream: 'docs' })
    expect(reply).toMatchObject({ ok: true, result: { opened: true } })
    const { authorizationUrl } = reply.ok ? (reply.result as { authorizationUrl: string }) : { authorizationUrl: '' }
    const opened = await app?.evaluate(() => (globalThis as unknown as { opened: string[] }).opened)
    expect(opened).toEqual([authorizationUrl])
    expect((await fetch(authorizationUrl)).status).toBe(200)
    await expect
      .poll(() => command('request.send', { upstream: 'docs', method: 'tools/list' }), { timeout: 15_000 })
      .toMatchObject({ ok: true, result: { result: { tools: expect.any(Array) } } })
  } finally {
    await launched.dispose()
    await guarded.close()
    await issuer.close()
    await server.close()
  }
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
