import { type IpcMainEvent, type IpcMainInvokeEvent, ipcMain, type WebContents } from 'electron'
import { ipcChannels } from '../../shared/contract.ts'
import { AppError } from '../../shared/errors.ts'
import type { Host } from '../host/host.ts'
import { appOrigin, devServerUrl } from './scheme.ts'
import { isTrustedSender } from './sender.ts'

/**
 * The window's side of the contract. Handlers exist before a window opens; what arrives before the host is up waits for
 * it. Names and arguments are validated by the host, the same way as over HTTP.
 */
export function setupIpc(host: Promise<Host>): void {
  ipcMain.handle(ipcChannels.command, async (event, name: unknown, arg: unknown) => {
    if (!isTrusted(event)) throw new Error('commands are taken from the window alone')
    if (typeof name !== 'string')
      return { ok: false, error: new AppError('INVALID_ARGUMENT', 'a command has a name').toShape() }
    return (await host).command(name, arg)
  })

  const subscriptions = new Map<WebContents, () => void>()
  ipcMain.on(ipcChannels.subscribe, (event) => {
    const contents = event.sender
    if (!isTrusted(event) || subscriptions.has(contents)) return
    subscriptions.set(
      contents,
      subscribe(host, contents, () => subscriptions.delete(contents)),
    )
  })
  ipcMain.on(ipcChannels.unsubscribe, (event) => subscriptions.get(event.sender)?.())
}

function isTrusted(event: IpcMainEvent | IpcMainInvokeEvent): boolean {
  const dev = devServerUrl()
  return isTrustedSender(event.senderFrame, dev ? [appOrigin, new URL(dev).origin] : [appOrigin])
}

/** Sends frames to one page until it asks for no more, navigates, crashes or is closed. @returns ends it; idempotent */
function subscribe(host: Promise<Host>, contents: WebContents, onEnd: () => void): () => void {
  let ended = false
  let unsubscribe = () => {}
  const end = () => {
    if (ended) return
    ended = true
    contents.off('destroyed', end)
    contents.off('render-process-gone', end)
    contents.off('did-start-navigation', onNavigation)
    unsubscribe()
    onEnd()
  }
  const onNavigation = (details: { isMainFrame: boolean; isSameDocument: boolean }) => {
    if (details.isMainFrame && !details.isSameDocument) end()
  }
  contents.on('destroyed', end)
  contents.on('render-process-gone', end)
  contents.on('did-start-navigation', onNavigation)
  host.then(
    (it) => {
      if (!ended) unsubscribe = it.subscribe((frame) => contents.send(ipcChannels.frame, frame))
    },
    end, // the host could not start, and the app is about to exit
  )
  return end
}
