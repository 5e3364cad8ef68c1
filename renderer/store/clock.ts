import { useSyncExternalStore } from 'react'
import { useStore } from './store.ts'

/** Ages are shown to the second. */
const tickMs = 1_000

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | null = null
let shown = hostNow()

function hostNow(): number {
  return Date.now() + useStore.getState().clockSkewMs
}

/** While the picture is frozen, so is its clock: an age that goes on growing would claim that the row is alive. */
function tick(): void {
  const { link, paused } = useStore.getState()
  if (paused || link.state === 'lost') return
  shown = hostNow()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(tick, tickMs)
  if (listeners.size === 1) shown = hostNow()
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0 || !timer) return
    clearInterval(timer)
    timer = null
  }
}

/** The host's clock, epoch milliseconds, ticking once a second for everyone at once. For leaves only (an age in a cell). */
export const useNow = (): number => useSyncExternalStore(subscribe, () => shown)
