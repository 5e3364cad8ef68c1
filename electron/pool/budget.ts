/** A pool, as the budget sees it. */
export interface PermitHolder {
  /** Permits that it holds now. */
  readonly permitsInUse: number
  /** Since when its longest idle connection has been idle (monotonic ms); undefined when none is idle. */
  readonly oldestIdleSince: number | undefined
  /** Closes its longest idle connection, whose permit comes back once it is dead. */
  evictOldestIdle(): void
  /** A permit is reserved for it: it opens a connection with it or gives it back. */
  permitOffered(): void
}

/** Leases that a pool may still grant from its last connection while another pool, which has none, waits for a permit. */
const leasesBeforeYield = 8

/**
 * The permits of all pools together. Fair: pools that found none stand in one line, each once; the one that holds the
 * fewest is served first, among equals the one that has waited longest. To make room, the connection that has been
 * idle longest anywhere is evicted; and a pool that holds more than the neediest in line gives up a connection that
 * comes back to it, so that no pool starves behind a busy one.
 */
export class PermitBudget {
  #max: number
  #used = 0
  /** Evictions made for the line whose permits have not come back yet. */
  #making = 0
  #leasesWhileStarving = 0
  readonly #holders = new Set<PermitHolder>()
  readonly #line = new Set<PermitHolder>()

  /** @param max live connections over all pools, at least 1 */
  constructor(max: number) {
    if (!Number.isInteger(max) || max < 1) throw new RangeError(`max must be a positive integer, got ${max}`)
    this.#max = max
  }

  get max(): number {
    return this.#max
  }

  get used(): number {
    return this.#used
  }

  /** Pools that stand in line. */
  get waiting(): number {
    return this.#line.size
  }

  /** Takes effect at once upwards; downwards as permits come back. */
  setMax(max: number): void {
    if (!Number.isInteger(max) || max < 1) throw new RangeError(`max must be a positive integer, got ${max}`)
    this.#max = max
    this.#serveLine()
  }

  join(holder: PermitHolder): void {
    this.#holders.add(holder)
  }

  /** A pool that is closed. Its permits have been given back before. */
  leave(holder: PermitHolder): void {
    this.#holders.delete(holder)
    this.#line.delete(holder)
  }

  /** For what is nice to have (minIdle, spares): takes a free permit unless somebody stands in line for it. */
  tryTake(): boolean {
    if (this.#line.size > 0 || this.#used >= this.#max) return false
    this.#used++
    return true
  }

  /** For demand: takes a permit, or puts the holder in line and makes room. */
  take(holder: PermitHolder): boolean {
    if (this.tryTake()) return true
    if (this.#line.size === 0) this.#leasesWhileStarving = 0
    this.#line.add(holder)
    this.#makeRoom()
    return false
  }

  /** The holder needs no permit any more. */
  withdraw(holder: PermitHolder): void {
    this.#line.delete(holder)
  }

  /** A permit comes back: its connection is dead or in quarantine, or an offered one was not needed. */
  giveBack(): void {
    this.#used--
    if (this.#making > 0) this.#making--
    this.#serveLine()
  }

  /**
   * Asked by a pool for each connection that is free again.
   * @param wanted somebody of that pool waits for it; otherwise it would be idle, and goes at once
   * @returns true when it must close that connection so that another pool can open one
   */
  mustYield(holder: PermitHolder, wanted: boolean): boolean {
    if (this.#line.size === 0 || this.#making >= this.#line.size) return false
    const neediest = this.#neediest(holder)
    if (!neediest) return false
    if (!wanted) {
      this.#making++
      return true
    }
    const starving = neediest.permitsInUse === 0 && ++this.#leasesWhileStarving >= leasesBeforeYield
    if (!starving && holder.permitsInUse <= neediest.permitsInUse + 1) return false
    this.#leasesWhileStarving = 0
    this.#making++
    return true
  }

  #serveLine(): void {
    while (this.#used < this.#max) {
      const neediest = this.#neediest()
      if (!neediest) return
      this.#line.delete(neediest)
      this.#leasesWhileStarving = 0
      this.#used++
      neediest.permitOffered()
    }
    this.#makeRoom()
  }

  #neediest(except?: PermitHolder): PermitHolder | undefined {
    let neediest: PermitHolder | undefined
    for (const holder of this.#line) {
      if (holder === except) continue
      if (!neediest || holder.permitsInUse < neediest.permitsInUse) neediest = holder
    }
    return neediest
  }

  #makeRoom(): void {
    while (this.#making < this.#line.size) {
      let oldest: PermitHolder | undefined
      let since = Number.POSITIVE_INFINITY
      for (const holder of this.#holders) {
        const at = holder.oldestIdleSince
        if (at !== undefined && at < since) {
          oldest = holder
          since = at
        }
      }
      if (!oldest) return
      this.#making++
      oldest.evictOldestIdle()
    }
  }
}
