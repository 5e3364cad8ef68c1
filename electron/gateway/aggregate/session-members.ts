import { AppError } from '../../../shared/errors.ts'
import type { JsonText } from '../../upstream/types.ts'
import type { SessionBackend } from '../backend.ts'
import type { LogLevel } from '../log-level.ts'
import type { SessionNeeds, Target } from '../targets.ts'
import type { Connected, Member } from './members.ts'
import { exposedUpdate } from './rewrite.ts'

/** What serves one legacy session at each upstream: opened at the first request that goes there. */
export class SessionMembers {
  readonly #needs: SessionNeeds
  readonly #open = new Map<string, { target: Target; backend: Promise<SessionBackend> }>()
  #logLevel: LogLevel | undefined
  #closed = false

  constructor(needs: SessionNeeds) {
    this.#needs = needs
  }

  async connect({ target, namespace }: Member): Promise<Connected> {
    if (this.#closed) throw new AppError('ABORTED', 'The session has ended')
    // The upstream was stopped and started, or replaced.
    if (this.#open.has(target.name) && this.#open.get(target.name)?.target !== target) this.#leave(target.name)
    const existing = this.#open.get(target.name)
    let open = existing
    if (!open) {
      const backend = target.legacy({
        ...this.#needs,
        // Each of several requests may wait for it.
        wait: undefined,
        notification: ({ method, message }) =>
          this.#needs.notification({ method, message: exposedUpdate(namespace, message) }),
      })
      open = { target, backend }
      this.#open.set(target.name, open)
      backend.catch(() => {
        if (this.#open.get(target.name)?.backend === backend) this.#open.delete(target.name)
      })
    }
    const backend = await open.backend
    if (!existing && this.#logLevel !== undefined) backend.setLogLevel?.(this.#logLevel)
    return { backend, profile: backend.profile }
  }

  setLogLevel(level: LogLevel): void {
    this.#logLevel = level
    this.#each((backend) => backend.setLogLevel?.(level))
  }

  /** To every process that serves only this session. */
  notify(method: string, params: JsonText | undefined): void {
    this.#each((backend) => backend.notify?.(method, params))
  }

  close(): void {
    this.#closed = true
    for (const name of [...this.#open.keys()]) this.#leave(name)
  }

  #each(act: (backend: SessionBackend) => void): void {
    // One that can't be opened fails the request that wanted it.
    for (const { backend } of this.#open.values()) backend.then(act, () => {})
  }

  #leave(name: string): void {
    const open = this.#open.get(name)
    this.#open.delete(name)
    open?.backend.then(
      (backend) => backend.close(),
      () => {},
    )
  }
}
