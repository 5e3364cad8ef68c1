/** What stands for all values beyond the bound. */
export const otherValue = 'other'

/** Names of methods, tools and versions come from clients and servers: only tame ones become labels. */
const tame = /^[\w./:@ +-]{1,128}$/

/** Keeps the number of distinct values of a label bounded; the first come stay, the rest is `other`. */
export class BoundedValues {
  readonly #max: number
  readonly #seen = new Set<string>()

  constructor(max: number) {
    this.#max = max
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= this.#max || !tame.test(value)) return otherValue
    this.#seen.add(value)
    return value
  }
}
