import { join } from 'node:path'
import { launchChromium } from '../cdp.ts'
import { app } from './app.ts'
import { runtime } from './runtime.ts'

/** The main bundle is loaded: starts Chromium and lets the app become ready. */
export async function start(options: { name: string; version: string; appPath: string; announce: boolean }) {
  const { announce, ...identity } = options
  Object.assign(runtime, identity)
  // Which features are on is the stand-in's own business: Playwright's list is for a full browser.
  const switches = app.switches.filter((name) => !/^--(disable|enable)-features/.test(name))
  const chromium = await launchChromium({
    profile: join(app.getPath('userData'), 'chromium'),
    announce,
    switches,
    onGone: () => process.exit(1),
  })
  runtime.chromium = chromium
  // As Electron: the first signal quits gracefully; the next one finds no handler of ours and ends the process.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.once(signal, () => app.quit())
  app.becomeReady()
}
