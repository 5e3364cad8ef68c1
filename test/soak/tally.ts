import { ERROR_CODES } from '../../shared/errors.ts'

/**
 * How a call ended. Faults are on the way of every soak, so that most codes are as good as a result; what never may be
 * is an answer that is missing, is somebody else's, or has no stable code.
 */
export type Outcome = 'ok' | 'tool-error' | 'aborted' | 'unanswered' | 'network' | 'wrong-answer' | (string & {})

const bad = ['unanswered', 'network', 'wrong-answer', 'rpc:INTERNAL']
const codes = new Set<string>(ERROR_CODES.map((code) => `rpc:${code}`))

export interface Count {
  started: number
  outcomes: Map<Outcome, number>
}

/** Every call to the gateway, by upstream: started, and ended in one way. */
export class Tally {
  readonly tools = new Map<string, Count>()
  /** Handshakes, lists, pings and leaves. */
  readonly others = new Map<string, Count>()
  /** The first few bad ones, in words. */
  readonly bad: string[] = []
  #inFlight = 0

  get inFlight(): number {
    return this.#inFlight
  }

  /** @returns what to call once, when it has ended */
  start(upstream: string, kind: 'tool' | 'other', what: string): (outcome: Outcome, detail?: string) => void {
    const counts = kind === 'tool' ? this.tools : this.others
    const count = counts.get(upstream) ?? { started: 0, outcomes: new Map() }
    counts.set(upstream, count)
    count.started++
    this.#inFlight++
    let ended = false
    return (outcome, detail = '') => {
      if (ended) throw new Error(`a call of ${upstream} ended twice: ${outcome}`)
      ended = true
      this.#inFlight--
      count.outcomes.set(outcome, (count.outcomes.get(outcome) ?? 0) + 1)
      if (isBad(outcome)) this.bad.push(`${new Date().toISOString()} ${upstream} ${what}: ${outcome} ${detail}`)
    }
  }

  total(): { started: number; ended: number } {
    let started = 0
    let ended = 0
    for (const count of [...this.tools.values(), ...this.others.values()]) {
      started += count.started
      for (const number of count.outcomes.values()) ended += number
    }
    return { started, ended }
  }
}

const isBad = (outcome: Outcome): boolean =>
  bad.includes(outcome) || outcome.startsWith('http:') || (outcome.startsWith('rpc:') && !codes.has(outcome))
