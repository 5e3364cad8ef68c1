import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/**
 * V8 lets the space of young objects grow to 32 MiB (and three times that for a moment), which a host with a few dozen
 * requests under way does not need: with 8 MiB a call costs the same (measured).
 */
const enoughBytes = 8 * 1024 * 1024

const checkMs = 2_000

const youngBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0

/** V8 reads this setting each time; its own limit it has read before any of our code runs. */
const mayGrow = (may: boolean): void => setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`)

/** While programs are loaded at one go, nobody could tell it to stop. */
export function holdYoungSpace(): void {
  mayGrow(false)
}

/**
 * Keeps the host small under load: it starts processes, and starting them takes longer the larger it is. To be called
 * once, when all is loaded.
 */
export function keepYoungSpaceSmall(): void {
  // What outlives a few collections is taken for long-lived from then on, and made among the old objects, where it stays
  // until the next major collection with all that it refers to. With a small young space that hits requests under way.
  setFlagsFromString('--no-allocation-site-pretenuring')
  // So little is collected faster by one thread than other threads are woken for it.
  setFlagsFromString('--no-parallel-scavenge')
  const growth = new PerformanceObserver(() => {
    if (youngBytes() < enoughBytes) return
    growth.disconnect()
    mayGrow(false)
  })
  const check = () => {
    if (youngBytes() >= enoughBytes) return mayGrow(false)
    growth.observe({ entryTypes: ['gc'] })
    mayGrow(true)
  }
  check()
  // A host that has been idle is made smaller by V8.
  setInterval(check, checkMs).unref()
}
