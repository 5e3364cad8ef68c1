import { type Attempt, ReconnectLoop, type ReconnectOptions, type StreamEnd } from '../../shared/reconnect.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'

export interface Run {
  readonly attempt: Attempt
  /** Scheduler time at which it began. */
  readonly at: number
  end(end: StreamEnd): Promise<void>
  lose(reason?: string, retryAfterMs?: number): Promise<void>
  reject(thrown: unknown): Promise<void>
}

/** A loop whose attempts end when the test says so. */
export class ScriptedLoop {
  readonly clock = new FakeClock()
  readonly runs: Run[] = []
  readonly changes: string[] = []
  readonly loop: ReconnectLoop
  ended: StreamEnd | undefined

  /** The random is 0 unless given: the shortest waits. */
  constructor(options: Partial<ReconnectOptions> = {}) {
    this.loop = new ReconnectLoop({
      scheduler: this.clock,
      random: () => 0,
      run: (attempt) => this.#run(attempt),
      onChange: () => this.changes.push(this.loop.view.state),
      ...options,
    })
    void this.loop.done.then((end) => {
      this.ended = end
    })
  }

  get view() {
    return this.loop.view
  }

  get last(): Run {
    const run = this.runs.at(-1)
    if (!run) throw new Error('nothing was attempted')
    return run
  }

  /** Until the next attempt, which must be waiting. @returns how long the wait was */
  async wait(): Promise<number> {
    const { nextAttemptAt } = this.view
    if (nextAttemptAt === null) throw new Error(`it does not wait: ${this.view.state}`)
    const waitMs = nextAttemptAt - this.clock.now()
    await this.clock.advance(waitMs)
    return waitMs
  }

  #run(attempt: Attempt): Promise<StreamEnd> {
    const { promise, resolve, reject } = Promise.withResolvers<StreamEnd>()
    const end = (it: StreamEnd) => {
      resolve(it)
      return settle()
    }
    this.runs.push({
      attempt,
      at: this.clock.now(),
      end,
      lose: (reason = 'reset', retryAfterMs) =>
        end({ kind: 'lost', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) }),
      reject: (thrown) => {
        reject(thrown)
        return settle()
      },
    })
    return promise
  }
}
