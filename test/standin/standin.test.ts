import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { _electron, type ElectronApplication, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface Fixture {
  add(a: unknown, b: unknown): Promise<number>
  origin(): Promise<string>
  unfit(): Promise<unknown>
  onTick(count: number, listener: (tick: { tick: number }) => void): () => void
  platform: string
}
declare const fixture: Fixture

const executablePath = join(import.meta.dirname, 'electron')
const fixtureApp = join(import.meta.dirname, 'fixture-app')

describe.runIf(process.platform === 'linux')('Electron stand-in', () => {
  const userData = mkdtempSync(join(tmpdir(), 'standin-test-'))
  const args = [fixtureApp, `--user-data-dir=${userData}`]
  let app: ElectronApplication
  let page: Page

  beforeAll(async () => {
    app = await _electron.launch({ executablePath, args })
    page = await app.firstWindow()
    await page.getByText('ready').waitFor()
  })
  afterAll(async () => {
    await app?.close()
    rmSync(userData, { recursive: true })
  })

  test('the page comes from the custom scheme with the CSP of the app', async () => {
    expect(await page.evaluate('fixture.origin()')).toBe('app://fixture')
    expect(await page.title()).toBe('Fixture')
  })

  test('the page sees what the preload exposes, frozen, and nothing of Node', async () => {
    const seen = await page.evaluate(() => [
      typeof globalThis.process,
      'require' in globalThis,
      '__toStandin' in globalThis,
      Object.isFrozen(fixture),
      fixture.platform,
    ])
    expect(seen).toEqual(['undefined', false, false, true, process.platform])
  })

  test('an invoke answers with the result, or rejects with the message as Electron words it', async () => {
    expect(await page.evaluate(() => fixture.add(2, 3))).toBe(5)
    const refused = await page.evaluate(() => fixture.add('2', 3).catch((error: Error) => error.message))
    expect(refused).toBe("Error invoking remote method 'add': TypeError: numbers, please")
  })

  test('a payload that is not plain JSON is refused with its path', async () => {
    const message = await page.evaluate(() => fixture.unfit().catch((error: Error) => error.message))
    expect(message).toMatch(/payload\.value is not plain JSON: Map/)
  })

  test('sent events arrive in order, until the listener is taken off', async () => {
    const ticks = await page.evaluate(
      () =>
        new Promise<number[]>((resolve) => {
          const got: number[] = []
          const stop = fixture.onTick(5, ({ tick }) => {
            got.push(tick)
            if (tick < 3) return
            stop()
            fixture.onTick(1, () => resolve(got))
          })
        }),
    )
    expect(ticks).toEqual([1, 2, 3])
  })

  test('permissions are what the handlers of the app say', async () => {
    const state = await page.evaluate(async () => (await navigator.permissions.query({ name: 'geolocation' })).state)
    expect(state).toBe('denied')
  })

  test('a denied popup never stays open, and the handler learns its address', async () => {
    await page.evaluate(() => void window.open('https://example.invalid/docs'))
    await expect
      .poll(() => app.evaluate((electron) => (electron as unknown as { desktop: { opened: string[] } }).desktop.opened))
      .toEqual(['https://example.invalid/docs'])
    await expect.poll(() => app.context().pages().length).toBe(1)
  })

  test('a prevented navigation leaves the page where it is', async () => {
    await page.evaluate(() => void location.assign('https://example.invalid/'))
    await expect.poll(() => page.evaluate(() => location.href)).toMatch(/index\.html$/)
    expect(await page.locator('#status').textContent()).toBe('ready')
  })

  test('the main process can be reached, with its window', async () => {
    expect(
      await app.evaluate(({ app: main, BrowserWindow }) => [
        main.getName(),
        main.getVersion(),
        BrowserWindow.getAllWindows().length,
      ]),
    ).toEqual(['fixture-app', '1.2.3', 1])
    const window = await app.browserWindow(page)
    await expect.poll(() => window.evaluate((it) => it.isVisible())).toBe(true)
  })

  test('a second start ends at once and tells the first', async () => {
    const { exitCode } = await execa(executablePath, [...args, '--hello'])
    expect(exitCode).toBe(0)
    await expect
      .poll(() => app.evaluate(() => (globalThis as { secondInstance?: string[] }).secondInstance))
      .toContain('--hello')
  })
})
