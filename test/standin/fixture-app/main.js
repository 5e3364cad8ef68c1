import { readFileSync } from 'node:fs'
import { app, BrowserWindow, ipcMain, protocol, session, shell } from 'electron'

const userData = process.argv.find((arg) => arg.startsWith('--user-data-dir='))?.split('=')[1]
if (userData) app.setPath('userData', userData)
if (!app.requestSingleInstanceLock()) app.exit(0)

protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true } }])
ipcMain.handle('add', (_event, a, b) => {
  if (typeof a !== 'number' || typeof b !== 'number') throw new TypeError('numbers, please')
  return a + b
})
ipcMain.handle('origin', (event) => event.senderFrame.origin)
ipcMain.handle('unfit', () => new Map())
ipcMain.on('ticks', (event, count) => {
  for (let tick = 1; tick <= count; tick++) event.sender.send('tick', { tick })
})
app.on('web-contents-created', (_event, contents) => {
  contents.setWindowOpenHandler(({ url }) => {
    void shell.openExternal(url)
    return { action: 'deny' }
  })
  contents.on('will-navigate', (event) => event.preventDefault())
})
app.on('second-instance', (_event, argv) => {
  globalThis.secondInstance = argv
})

// Not awaited: Electron becomes ready only once this module has run to its end.
void app.whenReady().then(() => {
  session.defaultSession.setPermissionCheckHandler(() => false)
  const types = { html: 'text/html', js: 'text/javascript' }
  protocol.handle('app', (request) => {
    const name = new URL(request.url).pathname.slice(1)
    if (!['index.html', 'page.js'].includes(name)) return new Response('not here', { status: 404 })
    return new Response(readFileSync(new URL(name, import.meta.url)), {
      headers: { 'content-type': types[name.split('.')[1]], 'content-security-policy': "default-src 'self'" },
    })
  })
  const window = new BrowserWindow({
    width: 640,
    height: 480,
    show: false,
    webPreferences: { preload: new URL('preload.cjs', import.meta.url).pathname, sandbox: true },
  })
  window.once('ready-to-show', () => window.show())
  void window.loadURL('app://fixture/index.html')
})
