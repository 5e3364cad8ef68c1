import { setTimeout as delay } from 'node:timers/promises'
import { app } from 'electron'
import { shellEnv } from 'shell-env'
import type { Logger } from '../kit/logger.ts'

/** A login shell with a slow start-up file must not keep the window from its data. */
const shellTimeoutMs = 5_000

/**
 * Started from a dock or a launcher, an app gets a short PATH and nothing of what the person's shell sets up: no npx, no
 * uvx, no API keys. Takes over the login shell's environment then; from a terminal it is there already.
 */
export async function setupLoginShellEnvironment(logger: Logger): Promise<void> {
  if (!app.isPackaged || process.platform === 'win32' || process.env.TERM !== undefined) return
  const environment = await Promise.race([
    shellEnv().catch(() => undefined),
    delay(shellTimeoutMs, undefined, { ref: false }),
  ])
  if (environment) Object.assign(process.env, environment)
  else
    logger.log('warn', 'the login shell did not tell its environment; commands may not be found', {
      PATH: process.env.PATH,
    })
}
