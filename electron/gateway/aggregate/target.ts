import type { Clock, Timer } from '../../kit/clock.ts'
import type { Unsubscribe } from '../../kit/emitter.ts'
import type { Era, ServerNotification, Upstream } from '../../upstream/types.ts'
import type { Announcements } from '../announcements.ts'
import { type Backend, modernProfile, type SessionBackend } from '../backend.ts'
import type { SessionNeeds, Target } from '../targets.ts'
import type { UpstreamDirectory } from '../types.ts'
import { AggregateBackend, aggregateName } from './backend.ts'
import { Introduction } from './introduction.ts'
import { type Connected, type Member, Members } from './members.ts'
import { exposedUpdate } from './rewrite.ts'
import { SessionMembers } from './session-members.ts'

/** Upstreams that come or go together are one change. */
const settleMs = 50

const listChanges = ['tools', 'prompts', 'resources'].map((list) => {
  const method = `notifications/${list}/list_changed`
  return { method, message: `{"jsonrpc":"2.0","method":"${method}"}` }
})

export interface AggregateTargetDeps {
  upstreams: UpstreamDirectory
  targetOf(upstream: Upstream): Target
  announcements: Announcements
  clock: Clock
  version: string
}

/** All upstreams behind one URL. */
export class AggregateTarget implements Target {
  readonly name = aggregateName
  readonly config = { enabled: true }
  readonly #deps: AggregateTargetDeps
  readonly #members: Members
  readonly #introduction: Introduction
  readonly #modern: AggregateBackend
  readonly #listeners = new Set<() => void>()
  readonly #late = new Set<string>()
  readonly #stopChanges: Unsubscribe | undefined
  #settling: Timer | undefined

  constructor(deps: AggregateTargetDeps) {
    this.#deps = deps
    this.#members = new Members(deps.upstreams, deps.targetOf)
    this.#introduction = new Introduction(deps.version)
    this.#modern = this.#backend('modern', async ({ target }) => ({
      backend: await target.modern(),
      profile: modernProfile,
    }))
    this.#stopChanges = deps.upstreams.onChange?.(() => this.#changed())
  }

  async modern(): Promise<Backend> {
    return this.#modern
  }

  async legacy(needs: SessionNeeds): Promise<SessionBackend> {
    const members = new SessionMembers(needs)
    const backend = this.#backend('legacy', (member) => members.connect(member))
    return {
      name: backend.name,
      config: backend.config,
      profile: undefined,
      handshake: () => backend.handshake(),
      request: (request) => backend.request(request),
      watch: backend.watch,
      setLogLevel: (level) => members.setLogLevel(level),
      notify: (method, params) => members.notify(method, params),
      close: () => members.close(),
    }
  }

  listen(listener: (notification: ServerNotification) => void): { stop: Unsubscribe; watch(): void } {
    const heard = new Map<Target, ReturnType<Target['listen']>>()
    let watching = false
    const sync = () => {
      const present = this.#members.all()
      for (const [target, { stop }] of heard)
        if (!present.some((member) => member.target === target)) {
          heard.delete(target)
          stop()
        }
      for (const { target, namespace } of present) {
        if (heard.has(target)) continue
        const listening = target.listen(({ method, message }) =>
          listener({ method, message: exposedUpdate(namespace, message) }),
        )
        heard.set(target, listening)
        if (watching) listening.watch()
      }
    }
    const stopChanges = this.#onChange(() => {
      sync()
      for (const change of listChanges) listener(change)
    })
    sync()
    return {
      stop: () => {
        stopChanges()
        for (const { stop } of heard.values()) stop()
        heard.clear()
      },
      watch: () => {
        watching = true
        for (const { watch } of heard.values()) watch()
      },
    }
  }

  close(): void {
    this.#stopChanges?.()
    this.#settling?.cancel()
    this.#listeners.clear()
  }

  #backend(era: Era, connect: (member: Member) => Promise<Connected>): AggregateBackend {
    const { clock, announcements } = this.#deps
    return new AggregateBackend({
      era,
      clock,
      connect,
      members: this.#members,
      introduction: this.#introduction,
      announcements,
      late: (member) => void this.#await(member),
      onChange: (listener) => this.#onChange(listener),
    })
  }

  #onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #changed(): void {
    this.#settling ??= this.#deps.clock.after(settleMs, () => {
      this.#settling = undefined
      for (const listener of [...this.#listeners]) listener()
    })
  }

  /** It was left out of a list. When it can serve after all, the list has changed. */
  async #await({ target }: Member): Promise<void> {
    const upstream = this.#deps.upstreams.get(target.name)
    if (!upstream || this.#late.has(target.name)) return
    this.#late.add(target.name)
    try {
      await upstream.eraFor('legacy')
      this.#changed()
    } catch {
      // The next list asks again.
    } finally {
      this.#late.delete(target.name)
    }
  }
}
