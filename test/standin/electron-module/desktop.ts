import type { Protocol } from '../../../node_modules/playwright-core/types/protocol.d.ts'
import type { Cdp } from '../cdp.ts'

/** What the desktop would show or open. The stand-in has no desktop: it records, so that a test can look. */
export const desktop: { opened: string[]; menu: unknown } = { opened: [], menu: null }

export const shell = {
  openExternal: async (url: string) => void desktop.opened.push(url),
}

/** A desktop without a keyring, as Electron finds it on a bare Linux. */
export const safeStorage = {
  isAsyncEncryptionAvailable: async () => false,
  getSelectedStorageBackend: () => 'basic_text',
  encryptStringAsync: async () => Promise.reject(new Error('encryption is not available')),
  decryptStringAsync: async () => Promise.reject(new Error('encryption is not available')),
}

export const dialog = {
  showErrorBox: (title: string, content: string) => void process.stderr.write(`[dialog] ${title}: ${content}\n`),
}

export const Menu = {
  buildFromTemplate: (template: unknown) => ({ template }),
  setApplicationMenu: (menu: unknown) => {
    desktop.menu = menu
  },
  getApplicationMenu: () => desktop.menu,
}

const area = { x: 0, y: 0, width: 1920, height: 1080 }
export const screen = {
  getPrimaryDisplay: () => ({ workArea: area }),
  getDisplayMatching: (_bounds: unknown) => ({ workArea: area }),
}

type RequestHandler = (contents: unknown, permission: string, callback: (granted: boolean) => void) => void
type CheckHandler = (contents: unknown, permission: string) => boolean
let askCheck: CheckHandler = () => true // as in Electron: everything is granted unless somebody says no
let askRequest: RequestHandler = (_contents, _permission, callback) => callback(true)

export const session = {
  defaultSession: {
    setPermissionRequestHandler: (handler: RequestHandler) => {
      askRequest = handler
    },
    setPermissionCheckHandler: (handler: CheckHandler) => {
      askCheck = handler
    },
  },
}

/** Permissions by Chromium's name and by Electron's. */
const permissions: [name: string, electron: string][] = [
  ['geolocation', 'geolocation'],
  ['notifications', 'notifications'],
  ['camera', 'media'],
  ['microphone', 'media'],
  ['clipboard-read', 'clipboard-read'],
  ['midi', 'midi'],
]

/** Chromium asks nobody here, so the app's handlers are asked beforehand, and both must agree. */
export async function applyPermissions(cdp: Cdp): Promise<void> {
  for (const [name, electron] of permissions) {
    let granted = false
    askRequest(null, electron, (answer) => {
      granted = answer
    })
    const setting: Protocol.Browser.PermissionSetting = granted && askCheck(null, electron) ? 'granted' : 'denied'
    await cdp.send('Browser.setPermission', { permission: { name }, setting })
  }
}
