/** As much of Electron's WebFrameMain as the check needs. */
export interface SenderFrame {
  readonly origin: string
  readonly parent: unknown
}

/**
 * Whether a message comes from the top frame of our own page. Electron delivers IPC from every frame that a preload
 * script runs in, and the frame is null when it has navigated away since.
 */
export const isTrustedSender = (frame: SenderFrame | null, trustedOrigins: readonly string[]): boolean =>
  frame !== null && frame.parent === null && trustedOrigins.includes(frame.origin)
