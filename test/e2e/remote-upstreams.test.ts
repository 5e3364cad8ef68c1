import { resolve } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeHost } from '../renderer/fake-host.ts'
import { launchChromium } from './support/launch.ts'

/** What a person sees of servers elsewhere, with a host that only exists on paper: it can be in any state at once. */
describe('servers elsewhere in a browser', () => {
  let browser: Browser
  let host: FakeHost
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())
  beforeEach(async () => {
    host = await FakeHost.start({ filesDir: resolve(import.meta.dirname, '../../out/renderer') })
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    page = await context.newPage()
    complaints = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    await page.goto(`${host.url}/?token=${host.token}`)
    await page.getByRole('table', { name: 'Upstreams' }).waitFor()
  })
  afterEach(async () => {
    await page.context().close()
    await host.close()
    expect(complaints).toEqual([])
  })

  const open = async (name: string, tab: string) => {
    await page.goto(`${host.url}/#/upstreams/${encodeURIComponent(name)}/${tab}`)
    await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  }
  const wrong = (name: string) => page.getByRole('region', { name: `What is wrong with ${name}` })

  test('a sign-in goes from the overview to the browser and back: its page opens in a tab that can’t reach this one', async () => {
    await page
      .context()
      .route('https://auth.example.com/**', (route) =>
        route.fulfill({ contentType: 'text/html', body: '<title>sign in</title>' }),
      )
    const line = page
      .getByRole('region', { name: 'Needs attention' })
      .getByRole('listitem')
      .filter({ hasText: 'notion' })
    const [opened] = await Promise.all([
      page.context().waitForEvent('page'),
      line.getByRole('button', { name: 'Sign in' }).click(),
    ])
    await opened.waitForLoadState()
    expect(opened.url()).toContain('https://auth.example.com/authorize')
    expect(await opened.evaluate(() => window.opener)).toBeNull()
    expect(await opened.evaluate(() => document.referrer)).toBe('')

    await open('notion', 'health')
    await expect.poll(() => wrong('notion').locator('[aria-current=step]').innerText()).toContain('You, in the browser')
    await wrong('notion').getByText('The browser is on another machine').click()
    const address = wrong('notion').getByLabel('Address that the browser ended at')
    await address.fill('javascript:alert(1)')
    expect(await wrong('notion').getByRole('button', { name: 'Finish' }).isDisabled()).toBe(true)
    await address.fill('http://127.0.0.1:1/callback')
    await wrong('notion').getByRole('button', { name: 'Finish' }).click()
    await wrong('notion').getByText('This is not the address that the sign-in ends at').waitFor()
    expect(await page.locator('[data-sonner-toast]').count(), 'said beside the field alone').toBe(0)
    await address.fill('http://127.0.0.1:1/callback?code=a&state=b')
    await wrong('notion').getByRole('button', { name: 'Finish' }).click()
    await wrong('notion').waitFor({ state: 'hidden' })
    await page.getByRole('link', { name: /^Signed in/ }).click()
    await page.getByRole('region', { name: 'Access' }).getByText('https://auth.example.com').waitFor()
  })

  test('what is no web address is neither opened nor a link', async () => {
    host.world.update('gitlab', ({ auth }) => {
      if (auth) auth.authorizationUrl = 'javascript:document.title="owned"'
    })
    await open('gitlab', 'health')
    const again = wrong('gitlab').getByRole('button', { name: 'Open again' })
    await expect.poll(() => again.isDisabled()).toBe(true)
    await wrong('gitlab').getByText('This is no web address').waitFor()
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0)
  })

  test('a lost stream says so on every tab; “Retry now” brings it back, and the gap stays on the timeline', async () => {
    await open('sentry', 'health')
    await page.getByText(/^1 of 4 streams reconnecting, /).waitFor()
    await page.getByRole('tab', { name: 'Sessions' }).click()
    const row = page.getByRole('table', { name: 'Streams' }).getByRole('row').filter({ hasText: 'Waiting' })
    await row.getByRole('button', { name: 'Retry now' }).click()
    await row.waitFor({ state: 'hidden' })
    await page.getByText('4 streams open').waitFor()
    const lanes = page.getByRole('region', { name: /^Streams of sentry/ })
    await expect
      .poll(() => lanes.getByRole('button', { name: /^Lost at .* back at .* failed attempts/ }).count())
      .toBe(1)
  })

  test('there is no PID, CPU or memory of a session, and no stderr', async () => {
    await open('linear', 'sessions')
    const heads = await page.getByRole('table', { name: 'Sessions' }).getByRole('columnheader').allInnerTexts()
    expect(heads).toEqual(expect.arrayContaining(['Session', 'Streams']))
    for (const absent of ['PID', 'CPU', 'Memory']) expect(heads).not.toContain(absent)
    expect(await page.getByRole('tab').allInnerTexts()).not.toContain('stderr')
  })

  test('the timeline is one stop of Tab; arrows go from gap to gap and each tells its reason', async () => {
    await open('linear', 'sessions')
    const lanes = page.getByRole('region', { name: /^Streams of linear/ })
    const gaps = lanes.getByRole('button', { name: /Lost at|drops from/ })
    await gaps.first().waitFor()
    expect(await lanes.locator('button[tabindex="0"]').count()).toBe(1)
    await lanes.locator('button[tabindex="0"]').focus()
    await page.keyboard.press('Home')
    const told = lanes.getByRole('status')
    await expect.poll(() => told.innerText()).toMatch(/Notifications of #\d+: .*back after/)
    const first = await told.innerText()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => told.innerText()).not.toBe(first)
    const lane = await page.evaluate(() => document.activeElement?.getAttribute('data-gap'))
    await page.keyboard.press('ArrowDown')
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-gap'))).not.toBe(lane)
  })

  test('in a narrow window the name stands there whole, above the actions', async () => {
    await page.setViewportSize({ width: 1024, height: 700 })
    await open('docs (remote)', 'health')
    const name = page.getByRole('heading', { level: 1 })
    await expect.poll(() => name.evaluate((it) => it.scrollWidth - it.clientWidth)).toBe(0)
  })

  test('words of servers are only ever text', async () => {
    await open('figma', 'health')
    await wrong('figma').getByText('<script>alert(1)</script>').waitFor()
    expect(await wrong('figma').innerText()).toContain('\\u202e')
    await open('docs (remote)', 'config')
    await page.getByText('scope:number-0:<b>read</b>').waitFor()
    await page.getByText('and 6 more').waitFor()
    await open('weather', 'health')
    await wrong('weather').getByText('<h1>Service Unavailable</h1>').waitFor()
    expect(await wrong('weather').locator('h1').count()).toBe(0)
  })

  test('of a server that was not asked for anything yet nobody claims that it lets everybody in; a press finds out', async () => {
    host.world.update('weather', (draft) => {
      Object.assign(draft, { state: 'idle', lastFailure: null, serverInfo: null })
    })
    await open('weather', 'config')
    const access = page.getByRole('region', { name: 'Access' })
    await access.getByText('not known yet').waitFor()
    await access.getByRole('button', { name: 'Find out' }).click()
    await expect.poll(() => host.world.upstreams.get('weather')?.connections.length).toBe(1)
  })

  test('a refused token of the configuration leads to Config, and offers no sign-in', async () => {
    await open('stripe', 'health')
    await wrong('stripe').getByText('The token in the configuration is refused').waitFor()
    expect(
      await wrong('stripe')
        .getByRole('button', { name: /sign in/i })
        .count(),
    ).toBe(0)
    await wrong('stripe').getByRole('button', { name: 'Open Config' }).click()
    await page.getByRole('region', { name: 'Server' }).getByText('Authorization (values hidden)').waitFor()
  })

  test('a pasted URL fills the form; the settings of the sign-in are folded away until they are wrong', async () => {
    await page.getByRole('button', { name: 'Add upstream' }).click()
    const dialog = page.getByRole('dialog', { name: 'Add an upstream' })
    await dialog.getByLabel(/^Paste/).fill('https://mcp.asana.example.com/sse')
    await dialog
      .getByRole('button', { name: 'Fill in asana' })
      .or(dialog.getByRole('button', { name: /^Fill in/ }))
      .click()
    expect(await dialog.getByLabel('URL', { exact: true }).inputValue()).toBe('https://mcp.asana.example.com/sse')
    expect(await dialog.getByLabel('Redirect port').count()).toBe(0)
    await dialog.getByRole('button', { name: /^Sign-in/ }).click()
    await dialog.getByLabel('Redirect port').fill('many')
    await dialog.getByText('a port: a whole number up to 65535').waitFor()
    await dialog.getByLabel('Redirect port').fill('8123')
    await dialog.getByLabel('Name', { exact: true }).fill('asana')
    await dialog.getByRole('button', { name: 'Add upstream' }).click()
    await page.getByRole('heading', { level: 1, name: 'asana' }).waitFor()
  })
})
