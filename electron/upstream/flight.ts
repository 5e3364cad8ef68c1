import type { AppError } from '../../shared/errors.ts'
import type { Clock } from '../kit/clock.ts'

/** How long one caller waits, and what it is told when it gives up. */
export interface Patience {
  signal?: AbortSignal | undefined
  /** Monotonic milliseconds. */
  deadline: number
  aborted(): AppError
  late(): AppError
}

/** Waits for what others wait for too: a caller that gives up leaves them their flight. */
export async function aboard<T>(flight: Promise<T>, clock: Clock, patience: Patience): Promise<T> {
  const { signal, deadline, aborted, late } = patience
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(aborted())
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = clock.after(Math.max(0, deadline - clock.now()), () => reject(late()))
  try {
    return await Promise.race([flight, promise])
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}
