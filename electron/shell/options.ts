import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Config } from '../../shared/config.ts'

/** What `npm start -- …` and a packaged app take; the same names as `poolscope serve`. */
export interface LaunchOptions {
  configFile?: string
  userDataDir?: string
  port?: number
  auth?: Config['gateway']['auth']
}

/**
 * Reads our options and leaves Chromium's and Electron's own (any other `--name`) alone.
 * @returns the options, or one line about what is wrong with them
 */
export function readLaunchOptions(argv: readonly string[]): LaunchOptions | { error: string } {
  const { values } = parseArgs({
    args: argv.slice(1),
    options: {
      config: { type: 'string' },
      'user-data-dir': { type: 'string' },
      port: { type: 'string' },
      auth: { type: 'string' },
    },
    strict: false,
    allowPositionals: true,
  })
  for (const [name, value] of Object.entries({ ...values })) {
    const ours = ['config', 'user-data-dir', 'port', 'auth'].includes(name)
    if (ours && (typeof value !== 'string' || value === '')) return { error: `--${name} needs a value` }
  }
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined)
  const config = text('config')
  const userDataDir = text('user-data-dir')
  const port = text('port')
  const auth = text('auth')
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535))
    return { error: `--port ${port}: a port is a whole number from 0 to 65535 (0 picks a free one)` }
  if (auth !== undefined && auth !== 'none' && auth !== 'bearer')
    return { error: `--auth ${auth}: must be none or bearer` }
  return {
    ...(config !== undefined && { configFile: resolve(config) }),
    ...(userDataDir !== undefined && { userDataDir: resolve(userDataDir) }),
    ...(port !== undefined && { port: Number(port) }),
    ...(auth !== undefined && { auth }),
  }
}
