import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

const picturesFolder = process.env.POOLSCOPE_SHOTS

/** Charts that are to be looked at need more of a history than charts that are to be tested. */
export const pictureTrafficMs = picturesFolder ? 90_000 : 0

export interface ProcessRow {
  pid: number
  state: string
  served: number
}

/** The dashboard as a person sees it: found by roles, names and words, with the columns' names as the only extra. */
export class Dashboard {
  readonly page: Page
  readonly upstreams: Locator
  readonly processes: Locator
  readonly demoTraffic: Locator
  readonly lost: Locator

  constructor(page: Page) {
    this.page = page
    this.upstreams = page.getByRole('table', { name: 'Upstreams' })
    this.processes = page.getByRole('table', { name: 'Processes' })
    this.demoTraffic = page.getByRole('switch', { name: 'Demo traffic' })
    this.lost = page.getByRole('alert').filter({ hasText: /^Host not responding/ })
  }

  upstream(name: string): Locator {
    return this.upstreams.getByRole('row').filter({ has: this.page.getByRole('rowheader', { name, exact: true }) })
  }

  /** Text of one column of an upstream's row. */
  async figure(name: string, column: string): Promise<string> {
    return (await this.upstream(name).locator(`[data-col="${column}"]`).innerText()).trim()
  }

  async openOverview(): Promise<void> {
    await this.page.getByRole('link', { name: 'Overview' }).click()
    await this.upstreams.waitFor()
  }

  /** From anywhere to a tab of an upstream's page, by clicks. */
  async openUpstream(name: string, tab: 'Health' | 'Processes'): Promise<void> {
    const title = this.page.getByRole('heading', { level: 1, name, exact: true })
    if (!(await title.isVisible())) {
      if (!(await this.upstreams.isVisible())) await this.openOverview()
      await this.upstream(name).getByRole('link', { name, exact: true }).click()
      await title.waitFor()
    }
    await this.page.getByRole('tab', { name: tab }).click()
  }

  processRow(pid: number): Locator {
    return this.processes
      .getByRole('row')
      .filter({ has: this.page.locator('[data-col="pid"]').getByText(String(pid), { exact: true }) })
  }

  /** What the process table shows at this moment, connections without a process yet left out. */
  async processRows(): Promise<ProcessRow[]> {
    const rows = await this.processes.evaluate((table) =>
      [...table.querySelectorAll('tr:has([data-col="pid"])')].map((row) =>
        ['pid', 'state', 'served'].map(
          (column) => row.querySelector(`[data-col="${column}"]`)?.textContent?.trim() ?? '',
        ),
      ),
    )
    return rows
      .filter(([pid = '']) => /^\d+$/.test(pid))
      .map(([pid, state = '', served]) => ({ pid: Number(pid), state, served: Number(served) }))
  }

  /**
   * Waits until the processes that are shown are all idle, `count` of them (or at least one), and none of those that are
   * to be gone: the table is up to a frame behind the processes.
   * @returns their PIDs
   */
  async idlePids(count?: number, options: { without?: readonly number[] } = {}): Promise<number[]> {
    let rows: ProcessRow[] = []
    await expect
      .poll(
        async () => {
          rows = await this.processRows()
          return rows.map(({ pid, state }) => (options.without?.includes(pid) ? `${pid} still there` : state))
        },
        { timeout: 15_000, message: `${count ?? 'some'} processes in the table, all idle` },
      )
      .toSatisfy(
        (states: string[]) =>
          states.length >= 1 &&
          states.length === (count ?? states.length) &&
          states.every((state) => /^idle$/i.test(state)),
      )
    return rows.map(({ pid }) => pid)
  }

  /** A button of the toolbar that acts on a whole upstream. */
  action(upstream: string, name: string): Locator {
    return this.page
      .getByRole('toolbar', { name: `Actions for ${upstream}` })
      .getByRole('button', { name, exact: true })
  }

  dialog(): Locator {
    return this.page.getByRole('dialog').or(this.page.getByRole('alertdialog'))
  }

  /** Pictures in both themes, for people to look at: only where POOLSCOPE_SHOTS names a folder. */
  async shoot(name: string): Promise<void> {
    if (!picturesFolder) return
    mkdirSync(picturesFolder, { recursive: true })
    for (const colorScheme of ['light', 'dark'] as const) {
      await this.page.emulateMedia({ colorScheme })
      await this.page.screenshot({ path: join(picturesFolder, `${name}-${colorScheme}.png`), animations: 'disabled' })
    }
    await this.page.emulateMedia({ colorScheme: null })
  }
}
