import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Clock, Timer } from '../kit/clock.ts'

/** Editors write a file in several steps; this long without a further step counts as done. */
const settleMs = 200

/**
 * Calls back once after a burst of changes to `file`. Watches its folder, because editors replace the file.
 * @returns stops watching
 */
export function watchFile(
  file: string,
  clock: Clock,
  onChange: () => void,
  onError: (error: Error) => void,
): () => void {
  let timer: Timer | undefined
  const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
    if (name !== null && name !== basename(file)) return
    timer?.cancel()
    timer = clock.after(settleMs, onChange)
  })
  watcher.on('error', onError)
  return () => {
    timer?.cancel()
    watcher.close()
  }
}
