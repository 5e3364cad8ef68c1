import { app } from 'electron'
import type { Host } from '../host/host.ts'
import type { Logger } from '../kit/logger.ts'

/** A terminal's Ctrl-C arrives twice through npm: what comes this soon is the same request. */
const sameRequestMs = 1_000

/**
 * Quitting waits until the host has drained and every child is gone, which the host keeps within its own time limit.
 * Quitting again ends the children at once.
 */
export function setupQuit(host: Promise<Host>, logger: Logger): void {
  let drainingSince: number | undefined
  app.on('before-quit', (event) => {
    event.preventDefault() // the end is app.exit(), which asks nobody
    if (drainingSince !== undefined) {
      if (performance.now() - drainingSince > sameRequestMs) void host.then((it) => it.close({ timeoutMs: 0 }))
      return
    }
    drainingSince = performance.now()
    host
      .then((it) => {
        logger.log('info', 'quitting: draining and stopping every child', { inFlight: it.info.requestsInFlight() })
        return it.close()
      })
      .then(
        () => app.exit(0),
        (error: unknown) => {
          logger.log('error', 'the host did not close cleanly', { error: String(error) })
          app.exit(1)
        },
      )
  })
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  // Chromium's own handler quits at the first signal, but lets a second one kill us in the midst of the drain. Ours must
  // come after Chromium's to replace it, hence when ready.
  void app.whenReady().then(() => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit())
  })
}
