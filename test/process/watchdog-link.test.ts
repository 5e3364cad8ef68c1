import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { WatchdogLink } from '../../electron/process/watchdog-link.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { running } from './support.ts'

const script = join(import.meta.dirname, '../../electron/process/watchdog.ts')

const links: WatchdogLink[] = []
afterEach(async () => {
  for (const link of links.splice(0)) await link.close()
})

function linkOf(clock: FakeClock) {
  const delays: unknown[] = []
  const link = new WatchdogLink({
    script,
    execPath: process.execPath,
    env: { PATH: process.env.PATH ?? '' },
    clock,
    logger: { log: (_level, _message, fields) => void delays.push(fields?.delayMs) },
  })
  links.push(link)
  return { link, delays }
}

/** Ends the watchdog, and has its successor started. @returns how long that took */
async function killed(link: WatchdogLink, delays: unknown[], clock: FakeClock): Promise<number> {
  const { pid = 0 } = link
  const before = delays.length
  process.kill(pid, 'SIGKILL')
  await vi.waitFor(() => expect(delays.length).toBe(before + 1), 10_000)
  expect(link.pid).toBe(pid)
  const delayMs = Number(delays.at(-1))
  await clock.advance(delayMs)
  expect(link.pid).not.toBe(pid)
  expect(running(link.pid ?? 0)).toBe(true)
  return delayMs
}

test('one that ends again and again is started less and less often; one that ran for a minute, at once again', async () => {
  const clock = new FakeClock()
  const { link, delays } = linkOf(clock)
  for (const delayMs of [500, 1_000, 2_000]) expect(await killed(link, delays, clock)).toBe(delayMs)
  await clock.advance(59_999)
  expect(await killed(link, delays, clock)).toBe(4_000)
  await clock.advance(60_000)
  for (const delayMs of [500, 1_000]) expect(await killed(link, delays, clock)).toBe(delayMs)
})

test('a close leaves no timer, whether one runs or is about to be started', async () => {
  const clock = new FakeClock()
  const { link, delays } = linkOf(clock)
  const { pid = 0 } = link
  process.kill(pid, 'SIGKILL')
  await vi.waitFor(() => expect(delays).toEqual([500]), 10_000)
  await link.close()
  expect(clock.pending).toBe(0)
  const other = linkOf(clock).link
  await other.close()
  expect(clock.pending).toBe(0)
  expect([pid, other.pid ?? 0].filter(running)).toEqual([])
})
