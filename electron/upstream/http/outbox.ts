import { AppError } from '../../../shared/errors.ts'

/** Sockets for what is told to one server. */
const atOnce = 8

/** What may wait for a server that takes nothing; a child that does not read its stdin may leave as much there. */
const mostWaitingChars = 1024 * 1024

/** What {@link Outbox.put} refused means for the session. */
export const outboxFull = (): AppError =>
  new AppError('CONNECTION_LOST', 'the server wants more answers than it takes: the session was given up', {
    mostWaitingChars,
    written: true,
  })

interface Waiting {
  readonly chars: number
  readonly send: () => Promise<void>
}

/**
 * What is told to a server and waits for no answer: notifications, and answers to requests of its own. A few at a time, in
 * order: how many there are is for the server to say, and how many sockets the host has left is not.
 */
export class Outbox {
  #underWay = 0
  #waiting: Waiting[] = []
  #waitingChars = 0
  #closed = false

  /**
   * @param chars length of the message
   * @param send never rejects
   * @returns false when the server takes nothing and too much waits already
   */
  put(chars: number, send: () => Promise<void>): boolean {
    if (this.#closed) return true
    if (this.#underWay < atOnce) void this.#send(send)
    else if (this.#waitingChars >= mostWaitingChars) return false
    else {
      this.#waiting.push({ chars, send })
      this.#waitingChars += chars
    }
    return true
  }

  /** What waits is told to nobody any more. */
  close(): void {
    this.#closed = true
    this.#waiting = []
  }

  async #send(send: () => Promise<void>): Promise<void> {
    this.#underWay++
    await send()
    this.#underWay--
    const next = this.#waiting.shift()
    if (!next) return
    this.#waitingChars -= next.chars
    void this.#send(next.send)
  }
}
