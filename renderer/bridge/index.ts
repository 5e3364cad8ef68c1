import type { PreloadApi } from '../../shared/contract.ts'
import { createHttpBridge } from './http.ts'
import { createIpcBridge } from './ipc.ts'
import { storeToken, takeToken } from './token.ts'
import type { Bridge } from './types.ts'

export { tokenFromText } from './token.ts'
export type { Bridge, BridgeStatus } from './types.ts'

declare global {
  interface Window {
    /** Put there by the preload script; absent in a browser. */
    readonly poolscope?: PreloadApi
  }
}

/** IPC where the preload script is, HTTP to the page's own origin otherwise. */
export const bridge: Bridge = window.poolscope
  ? createIpcBridge(window.poolscope)
  : createHttpBridge({ origin: window.location.origin, token: takeToken(), onToken: storeToken })
