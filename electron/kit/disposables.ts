type Cleanup = () => void

/** Collects what must be undone; `dispose()` undoes it in reverse order, once. An added cleanup runs at once when already disposed. */
export class Disposables implements Disposable {
  #cleanups: Cleanup[] | undefined = []

  add(cleanup: Cleanup): void {
    if (this.#cleanups) this.#cleanups.push(cleanup)
    else cleanup()
  }

  get disposed(): boolean {
    return this.#cleanups === undefined
  }

  dispose(): void {
    const cleanups = this.#cleanups
    if (!cleanups) return
    this.#cleanups = undefined
    const errors: unknown[] = []
    for (const cleanup of cleanups.reverse()) {
      try {
        cleanup()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several cleanups failed')
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
