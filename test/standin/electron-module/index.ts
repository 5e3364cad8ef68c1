/**
 * The part of the electron module that electron/shell uses, over a headless Chromium. A name that is missing here fails
 * when the main bundle is linked, by name.
 */
export { app } from './app.ts'
export { BrowserWindow, webContents } from './browser-window.ts'
export { desktop, dialog, Menu, safeStorage, screen, session, shell } from './desktop.ts'
export { ipcMain } from './ipc.ts'
export { protocol } from './protocol.ts'
