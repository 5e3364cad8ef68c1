import type { CommandArg, CommandName, CommandReply, Frame } from '../../shared/contract.ts'

/**
 * The way to the host.
 * opening: no stream of frames yet. open: frames are coming. closed: the stream ended or could not be opened, and the
 * bridge is trying again. unauthorized: the host refused the token; nothing is tried until {@link Bridge.authorize}.
 */
export type BridgeStatus = 'opening' | 'open' | 'closed' | 'unauthorized'

/** One interface for both shells, so that nothing above it knows whether it runs in a window or in a browser. */
export interface Bridge {
  readonly kind: 'ipc' | 'http'
  /** Never rejects: a command's own failure and an unreachable host are both `{ok: false, error}`. */
  command<N extends CommandName>(name: N, arg: CommandArg<N>): Promise<CommandReply<N>>
  /** Opens the stream of frames with the first listener and closes it with the last. */
  onFrame(listener: (frame: Frame) => void): () => void
  /** Called at once with the present status, then with each change. */
  onStatus(listener: (status: BridgeStatus) => void): () => void
  /** Tries again at once instead of waiting for the backoff. */
  reconnect(): void
  /** Takes a new token (browser only) and tries again with it. */
  authorize(token: string): void
}
