import { join } from 'node:path'
import { app, BrowserWindow, screen } from 'electron'
import type { Logger } from '../kit/logger.ts'
import { appOrigin, devServerUrl } from './scheme.ts'
import { fitInto, readWindowState, type WindowState, writeWindowState } from './window-state.ts'

/** A page that crashes again this soon after it was reloaded stays down: reloading would only spin. */
const reloadAgainAfterMs = 10_000

/** One window, opened now, shown again when the person starts the app once more or clicks its icon. */
export function setupWindow(preload: string, logger: Logger): void {
  const stateFile = join(app.getPath('userData'), 'window.json')
  const open = () => openWindow(preload, stateFile, logger)
  let window = open()
  const show = () => {
    if (window.isDestroyed()) window = open()
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
  }
  app.on('second-instance', show)
  app.on('activate', show)
}

function openWindow(preload: string, stateFile: string, logger: Logger): BrowserWindow {
  const saved = readWindowState(stateFile)
  const bounds = saved && fitInto(saved.bounds, screen.getDisplayMatching(saved.bounds).workArea)
  const window = new BrowserWindow({
    width: 1280,
    height: 800,
    ...bounds,
    minWidth: 900,
    minHeight: 560,
    title: 'Poolscope',
    show: false,
    webPreferences: { preload, sandbox: true, contextIsolation: true, nodeIntegration: false },
  })
  if (saved?.maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  rememberState(window, stateFile, logger)
  reloadAfterCrash(window, logger)
  window.loadURL(devServerUrl() ?? `${appOrigin}/index.html`).catch((error: unknown) => {
    if (!window.isDestroyed()) logger.log('error', 'the page could not be loaded', { error: String(error) })
  })
  return window
}

function rememberState(window: BrowserWindow, stateFile: string, logger: Logger): void {
  const save = () => {
    if (window.isDestroyed()) return
    const state: WindowState = { bounds: window.getNormalBounds(), maximized: window.isMaximized() }
    try {
      writeWindowState(stateFile, state)
    } catch (error) {
      logger.log('warn', "the window's place could not be saved", { error: String(error) })
    }
  }
  window.on('close', save)
  app.on('before-quit', save)
  window.on('closed', () => app.off('before-quit', save))
}

function reloadAfterCrash(window: BrowserWindow, logger: Logger): void {
  let lastCrash = Number.NEGATIVE_INFINITY
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return
    const now = performance.now()
    const again = now - lastCrash > reloadAgainAfterMs
    lastCrash = now
    logger.log('error', `the page crashed (${reason})${again ? ', loading it again' : ' again, giving up'}`)
    if (again) window.webContents.reload()
  })
}
