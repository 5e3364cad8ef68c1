import type { LaunchedChromium } from '../cdp.ts'

/** What the parts of the stand-in share: one Chromium, and who the app is. Set once, by start(). */
export interface Runtime {
  chromium: LaunchedChromium | undefined
  name: string
  version: string
  appPath: string
}

export const runtime: Runtime = { chromium: undefined, name: 'electron', version: '0.0.0', appPath: process.cwd() }

/** @throws Error before the app is ready, as Electron does */
export function chromium(): LaunchedChromium {
  if (!runtime.chromium) throw new Error('Cannot create BrowserWindow before app is ready')
  return runtime.chromium
}

/** The first argument of Electron's events, with the fields of the event mixed in. */
export const cancellable = <T extends object>(fields: T = {} as T) => ({
  ...fields,
  defaultPrevented: false,
  preventDefault() {
    this.defaultPrevented = true
  },
})
