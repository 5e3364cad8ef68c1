import { app, session, shell } from 'electron'
import { appOrigin, devServerUrl } from './scheme.ts'

/**
 * What a page may never do, whatever it came to run: leave its origin, open windows, embed other pages, ask for the
 * camera, the place or the clipboard. Links to the web open in the person's own browser.
 */
export function setupSecurity(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(({ url }) => {
      openExternally(url)
      return { action: 'deny' }
    })
    contents.on('will-navigate', (event) => {
      if (isOwnPage(event.url)) return
      event.preventDefault()
      openExternally(event.url)
    })
    contents.on('will-attach-webview', (event) => event.preventDefault())
  })
  void app.whenReady().then(() => {
    session.defaultSession.setPermissionCheckHandler((_contents, permission) => isAllowed(permission))
    session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) => answer(isAllowed(permission)))
  })
}

/** Writing to the clipboard is what the copy buttons do; nothing else is asked for. */
const isAllowed = (permission: string) => permission === 'clipboard-sanitized-write'

const isOwnPage = (url: string) => {
  const dev = devServerUrl()
  return url.startsWith(`${appOrigin}/`) || (dev !== undefined && new URL(url).origin === new URL(dev).origin)
}

/** https alone: any other scheme may start a program. */
function openExternally(url: string): void {
  if (URL.parse(url)?.protocol === 'https:') void shell.openExternal(url)
}
