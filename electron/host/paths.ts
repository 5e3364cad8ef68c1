import { join } from 'node:path'

/** What the build leaves under out/, as both shells find it. */
export interface BuiltFiles {
  renderer: string
  watchdog: string
  demoServer: string
  /** The command line. */
  cli: string
}

export const builtFiles = (outDir: string): BuiltFiles => {
  // What another program runs can't stay inside the packaged app's archive; electron-builder.yml puts it beside.
  const programs = join(outDir, 'cli').replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked')
  return {
    renderer: join(outDir, 'renderer'),
    watchdog: join(programs, 'watchdog.js'),
    demoServer: join(programs, 'demo-server.js'),
    cli: join(programs, 'cli.js'),
  }
}

/** What a host keeps in its user-data folder. */
export const userFiles = (userDataDir: string) => ({
  config: join(userDataDir, 'config.json'),
  token: join(userDataDir, 'token'),
  state: join(userDataDir, 'state'),
  gateway: join(userDataDir, 'gateway.json'),
  /** Tokens of remote upstreams, readable by their owner only. */
  secrets: join(userDataDir, 'secrets.json'),
  /** The same, encrypted by the system's keyring. */
  encryptedSecrets: join(userDataDir, 'secrets.encrypted.json'),
})
