import type { Clock, Timer } from '../kit/clock.ts'
import { type Deferred, deferred } from '../kit/deferred.ts'
import type { Termination } from './types.ts'

/** How long each rung of the ladder is waited for, in milliseconds (POOL semantics, "One child process"). */
export interface Graces {
  /** After end of stdin, for a server that leaves by itself as MCP asks of it. */
  stdinMs: number
  /** After SIGTERM that followed the end of stdin. */
  termMs: number
  /** After SIGTERM without a gentle part: what hung or broke the protocol is unlikely to clean up. */
  abruptTermMs: number
  /** After SIGKILL: longer means that it is stuck in the kernel. */
  killMs: number
}

export const defaultGraces: Graces = { stdinMs: 2000, termMs: 2000, abruptTermMs: 500, killMs: 1000 }

/** The tree as the ladder sees it. */
export interface TerminationTarget {
  endStdin(): void
  /** Asks the whole tree to end. */
  requestExit(): void
  /** Ends the whole tree, now. */
  forceExit(): void
  /** Whether the root has exited: from then on only its group can be left. */
  rootExited(): boolean
  /** Whether nothing of the tree is left. `thorough` may cost milliseconds and is asked rarely. */
  gone(thorough: boolean): boolean
  /** Called once. The tree's ids may belong to others from now on: nothing is signalled any more. */
  onGone(): void
}

type Rung = 'none' | 'stdin' | 'term' | 'kill'
const height: Record<Rung, number> = { none: 0, stdin: 1, term: 2, kill: 3 }
const firstRung: Record<Termination, Rung> = { gentle: 'stdin', abrupt: 'term', kill: 'kill' }

/** Zombies are looked for only when a group seems to live on this long after its root. */
const thoroughFromPoll = 4
const firstPollMs = 5
const slowestPollMs = 100
/** What survived SIGKILL is looked at this often, so that its end is still noticed. */
const survivorPollMs = 1000

/**
 * The termination ladder: end stdin, SIGTERM, SIGKILL, each with its grace. Decides on the root's exit, then on the
 * group; never on 'close', because a grandchild may hold the pipes. A harsher manner hastens the one under way.
 */
export class TerminationLadder {
  readonly #target: TerminationTarget
  readonly #clock: Clock
  readonly #graces: Graces
  #rung: Rung = 'none'
  #gone = false
  #forced = false
  #outcome: Deferred<'gone' | 'survived'> | undefined
  #graceEndsAt = Number.POSITIVE_INFINITY
  #grace: Timer | undefined
  #poll: Timer | undefined
  #polls = 0

  constructor(target: TerminationTarget, clock: Clock, graces: Graces) {
    this.#target = target
    this.#clock = clock
    this.#graces = graces
  }

  /** Whether SIGKILL was needed. */
  get forced(): boolean {
    return this.#forced
  }

  get gone(): boolean {
    return this.#gone
  }

  /** Never rejects. A call after 'survived' tries SIGKILL once more and waits for it again. */
  run(manner: Termination): Promise<'gone' | 'survived'> {
    // Looks right before it signals: the ids of a tree that is gone may belong to others.
    if (this.#look(false)) return Promise.resolve('gone')
    const survivor = this.#outcome?.settled === true
    if (!this.#outcome || survivor) this.#outcome = deferred()
    const { promise } = this.#outcome
    if (survivor) this.#enter('kill', this.#graces.killMs)
    else this.#hasten(manner)
    return promise
  }

  /** The root has exited: its group is ended too, even when nobody asked for it. */
  rootExited(): void {
    if (this.#look(false)) return
    if (this.#rung === 'none') void this.run('gentle')
    this.#pollAfter(firstPollMs)
  }

  #hasten(manner: Termination): void {
    const rung = firstRung[manner]
    if (height[rung] > height[this.#rung]) {
      this.#enter(rung, manner === 'abrupt' ? this.#graces.abruptTermMs : this.#graceOf(rung))
    } else if (rung === 'term' && this.#rung === 'term') {
      this.#wait(Math.min(this.#graces.abruptTermMs, this.#graceEndsAt - this.#clock.now()))
    }
  }

  #enter(rung: Rung, graceMs: number): void {
    this.#rung = rung
    if (rung === 'stdin') this.#target.endStdin()
    else if (rung === 'term') this.#target.requestExit()
    else if (rung === 'kill') {
      this.#forced = true
      this.#target.forceExit()
    }
    if (!this.#gone) this.#wait(graceMs)
  }

  #wait(graceMs: number): void {
    this.#grace?.cancel()
    this.#graceEndsAt = this.#clock.now() + graceMs
    // Keeps the host alive: it must not leave before its children have.
    this.#grace = this.#clock.after(graceMs, () => this.#graceOver(), { ref: true })
  }

  #graceOver(): void {
    if (this.#look(true)) return
    if (this.#rung === 'stdin') this.#enter('term', this.#graces.termMs)
    else if (this.#rung === 'term') this.#enter('kill', this.#graces.killMs)
    else {
      this.#outcome?.resolve('survived')
      this.#pollAfter(survivorPollMs)
    }
  }

  #graceOf(rung: Rung): number {
    return rung === 'stdin' ? this.#graces.stdinMs : rung === 'term' ? this.#graces.termMs : this.#graces.killMs
  }

  #pollAfter(ms: number): void {
    this.#poll?.cancel()
    const survivor = this.#outcome?.settled === true
    const callback = () => {
      this.#polls++
      if (this.#look(survivor || this.#polls >= thoroughFromPoll)) return
      this.#pollAfter(this.#outcome?.settled ? survivorPollMs : Math.min(ms * 2, slowestPollMs))
    }
    this.#poll = this.#clock.after(ms, callback, { ref: !survivor })
  }

  /** Looks whether the tree is gone and finishes if it is. */
  #look(thorough: boolean): boolean {
    if (this.#gone) return true
    if (!this.#target.rootExited() || !this.#target.gone(thorough)) return false
    this.#gone = true
    this.#grace?.cancel()
    this.#poll?.cancel()
    this.#target.onGone()
    this.#outcome?.resolve('gone')
    return true
  }
}
