import { join } from 'node:path'

/** What the build leaves under out/, as both shells find it. */
export interface BuiltFiles {
  renderer: string
  watchdog: string
  demoServer: string
}

export const builtFiles = (outDir: string): BuiltFiles => ({
  renderer: join(outDir, 'renderer'),
  watchdog: join(outDir, 'cli', 'watchdog.js'),
  demoServer: join(outDir, 'cli', 'demo-server.js'),
})

/** What a host keeps in its user-data folder. */
export const userFiles = (userDataDir: string) => ({
  config: join(userDataDir, 'config.json'),
  token: join(userDataDir, 'token'),
  state: join(userDataDir, 'state'),
})
