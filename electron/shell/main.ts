/** The desktop shell: a window, and the host inside the same process. Everything it can do goes through `Host`. */
import { resolve } from 'node:path'
import { app, dialog, safeStorage, shell } from 'electron'
import { toErrorShape } from '../../shared/errors.ts'
import { type Host, startHost } from '../host/host.ts'
import { userFiles } from '../host/paths.ts'
import { keepYoungSpaceSmall } from '../host/young-space.ts'
import { lineLogger } from '../kit/logger.ts'
import { browserOpener } from './browser.ts'
import { setupIpc } from './ipc.ts'
import { setupLoginShellEnvironment } from './login-shell.ts'
import { setupMenu } from './menu.ts'
import { type LaunchOptions, readLaunchOptions } from './options.ts'
import { setupQuit } from './quit.ts'
import { registerScheme, setupScheme } from './scheme.ts'
import { desktopSecretStore } from './secret-store.ts'
import { setupSecurity } from './security.ts'
import { findWatchdogRuntime } from './watchdog-runtime.ts'
import { setupWindow } from './window.ts'

/** Bad options, an unusable config, a port in use: the same code as the command line's. */
const usageExitCode = 2

const outDir = resolve(import.meta.dirname, '..')
const logger = lineLogger((line) => process.stderr.write(line))

function main(): void {
  const options = readLaunchOptions(process.argv)
  if ('error' in options) fail(options.error)
  else if (claimInstance(options)) run(options)
  else app.exit(0) // the first instance shows its window
}

function claimInstance(options: LaunchOptions): boolean {
  app.setName('Poolscope')
  if (options.userDataDir) app.setPath('userData', options.userDataDir)
  return app.requestSingleInstanceLock()
}

function run(options: LaunchOptions): void {
  app.enableSandbox()
  registerScheme()
  setupSecurity()
  const host = app.whenReady().then(() => startDesktopHost(options))
  host.catch((error: unknown) => fail(toErrorShape(error).message))
  setupQuit(host, logger)
  setupIpc(host)
  // Not awaited: Electron becomes ready only once this module has run to its end.
  void app.whenReady().then(() => {
    setupScheme(resolve(outDir, 'renderer'))
    setupMenu()
    setupWindow(resolve(outDir, 'preload/index.cjs'), logger)
  })
}

async function startDesktopHost(options: LaunchOptions): Promise<Host> {
  keepYoungSpaceSmall()
  await setupLoginShellEnvironment(logger)
  const userDataDir = app.getPath('userData')
  const { secrets: plain, encryptedSecrets: encrypted } = userFiles(userDataDir)
  return startHost({
    mode: 'desktop',
    userDataDir,
    secrets: await desktopSecretStore(safeStorage, { encrypted, plain }, logger),
    openBrowser: browserOpener((url) => shell.openExternal(url)),
    configFile: options.configFile,
    port: options.port,
    auth: options.auth,
    outDir,
    version: app.getVersion(),
    logger,
    watchdog: await findWatchdogRuntime(logger),
  })
}

function fail(message: string): void {
  process.stderr.write(`poolscope: ${message}\n`)
  // Started from a desktop, nobody sees stderr. From a terminal nobody should have to click.
  if (app.isPackaged) dialog.showErrorBox('Poolscope could not start', message)
  app.exit(usageExitCode)
}

main()
