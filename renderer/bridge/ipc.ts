import type { CommandReply, PreloadApi } from '../../shared/contract.ts'
import { toErrorShape } from '../../shared/errors.ts'
import type { Bridge } from './types.ts'

/** The desktop window: main process and renderer live and die together, so the channel is open from the start. */
export function createIpcBridge(api: PreloadApi): Bridge {
  return {
    kind: 'ipc',
    async command(name, arg) {
      try {
        // The main process validates both ends against the contract; the name decides the result's type.
        return (await api.command(name, arg)) as CommandReply<typeof name>
      } catch (thrown) {
        return { ok: false, error: toErrorShape(thrown) }
      }
    },
    onFrame: (listener) => api.onFrame(listener),
    onStatus(listener) {
      listener('open')
      return () => {}
    },
    reconnect() {},
    authorize() {},
  }
}
