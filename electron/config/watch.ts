import { type FSWatcher, realpathSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../kit/clock.ts'

/** Editors write a file in several steps; this long without a further step counts as done. */
const settleMs = 200

/**
 * Calls back once after a burst of changes around `file`; it may be as it was. Folders are watched, because editors
 * replace the file: its own and, behind a symbolic link, that of the file itself.
 * @returns stops watching
 */
export function watchFile(
  file: string,
  clock: Clock,
  onChange: () => void,
  onError: (error: Error) => void,
): () => void {
  const watchers = new Map<string, FSWatcher>()
  let timer: Timer | undefined
  const changed = () => {
    timer?.cancel()
    timer = clock.after(settleMs, () => {
      follow()
      onChange()
    })
  }
  const follow = () => {
    const folders = new Set([dirname(file), dirname(realPathOf(file))])
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      watchers.delete(folder)
    }
    for (const folder of folders) {
      if (watchers.has(folder)) continue
      try {
        const watcher = watch(folder, { persistent: false }, changed)
        watcher.on('error', onError)
        watchers.set(folder, watcher)
      } catch (error) {
        onError(error as Error)
      }
    }
  }
  follow()
  return () => {
    timer?.cancel()
    for (const watcher of watchers.values()) watcher.close()
  }
}

/** The file itself while a link leads nowhere, as between two steps of an editor. */
function realPathOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}
