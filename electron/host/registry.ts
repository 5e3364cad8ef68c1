import { isDeepStrictEqual } from 'node:util'
import type { UpstreamConfig } from '../../shared/config.ts'
import { AppError } from '../../shared/errors.ts'
import type { UpstreamDirectory } from '../gateway/types.ts'
import type { Unsubscribe } from '../kit/emitter.ts'
import type { Upstream } from '../upstream/types.ts'

export interface Registered {
  readonly config: UpstreamConfig
  /** Absent while the upstream is stopped. */
  readonly upstream: Upstream | undefined
  /** What ran before a stop, and may still be closing. */
  readonly previous: Upstream | undefined
}

export type RegistryChange = 'added' | 'changed' | 'removed' | 'started' | 'stopped'

interface Slot {
  config: UpstreamConfig
  upstream: Upstream | undefined
  detach: (() => void) | undefined
  /** The one that ran before a stop: it is shown while it closes, and its logs can still be read. */
  previous: Upstream | undefined
  /** While the one before is closing: the next one starts after it, so that limits hold over a restart. */
  closing: Promise<void> | undefined
}

/**
 * The upstreams of the config and which of them run. It starts, stops and replaces them; it does not read or write the
 * config file.
 */
export class Registry implements UpstreamDirectory {
  readonly #slots = new Map<string, Slot>()
  readonly #create: (config: UpstreamConfig) => Upstream
  readonly #attach: (upstream: Upstream) => () => void
  readonly #tell: (name: string, change: RegistryChange) => void
  readonly #forget: (config: UpstreamConfig) => Promise<void>
  readonly #listeners = new Set<() => void>()
  /** Everything that is closing, by the name it has or had. */
  readonly #leaving = new Map<Upstream, Promise<void>>()
  /** What was removed and is being forgotten, by its name. */
  readonly #forgetting = new Map<string, Promise<void>>()
  #closed = false

  constructor(options: {
    create: (config: UpstreamConfig) => Upstream
    attach: (upstream: Upstream) => () => void
    onChange: (name: string, change: RegistryChange) => void
    /**
     * An upstream was removed from the config (not stopped, nor replaced), and is closed: nothing of it is to be kept. What
     * comes under its name waits for this. Must not reject.
     */
    forget: (config: UpstreamConfig) => Promise<void>
  }) {
    this.#create = options.create
    this.#attach = options.attach
    this.#tell = options.onChange
    this.#forget = options.forget
  }

  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get(name: string): Upstream | undefined {
    return this.#slots.get(name)?.upstream
  }

  *all(): Iterable<Upstream> {
    for (const { upstream } of this.#slots.values()) if (upstream) yield upstream
  }

  entries(): Iterable<Registered> {
    return this.#slots.values()
  }

  has(name: string): boolean {
    return this.#slots.has(name)
  }

  config(name: string): UpstreamConfig {
    return this.#slot(name).config
  }

  /** @throws AppError UPSTREAM_NOT_FOUND; POOL_CLOSED while it is stopped */
  running(name: string): Upstream {
    const { upstream } = this.#slot(name)
    if (!upstream) throw new AppError('POOL_CLOSED', `${name} is stopped; start it first`, { upstream: name })
    return upstream
  }

  /** The upstream whose live connection this is. @throws AppError CONNECTION_NOT_FOUND */
  ownerOf(connectionId: string): Upstream {
    for (const upstream of this.all()) {
      if (upstream.view().connections.some((connection) => connection.id === connectionId)) return upstream
    }
    throw new AppError('CONNECTION_NOT_FOUND', `there is no live connection ${connectionId}`, { connectionId })
  }

  /** Stderr of a connection, live or recently ended, of a running or a stopped upstream. */
  logs(connectionId: string): ReturnType<Upstream['logs']> {
    for (const { upstream, previous } of this.#slots.values()) {
      const logs = upstream?.logs(connectionId) ?? previous?.logs(connectionId)
      if (logs) return logs
    }
    return undefined
  }

  /**
   * Makes what runs agree with `configs`: starts, stops, replaces and changes in place.
   * @throws AppError POOL_CLOSED once `close` was called: what would start then, nobody would end
   */
  apply(configs: readonly UpstreamConfig[]): void {
    if (this.#closed) throw new AppError('POOL_CLOSED', 'the host is closing; nothing is started any more')
    const names = new Set(configs.map(({ name }) => name))
    for (const name of [...this.#slots.keys()]) if (!names.has(name)) this.#remove(name)
    for (const config of configs) {
      const slot = this.#slots.get(config.name)
      if (!slot) this.#add(config)
      else if (!isDeepStrictEqual(slot.config, config)) this.#change(slot, config)
    }
  }

  /** Closes everything at once, within `timeoutMs`. A later call with less time hastens it. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    for (const upstream of this.#leaving.keys()) void upstream.close('shutdown', timeoutMs)
    for (const slot of this.#slots.values()) this.#stop(slot, 'shutdown', timeoutMs)
    while (this.#leaving.size + this.#forgetting.size > 0) {
      await Promise.all([...this.#leaving.values(), ...this.#forgetting.values()])
    }
  }

  #onChange(name: string, change: RegistryChange): void {
    this.#tell(name, change)
    for (const listener of this.#listeners) listener()
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name)
    if (!slot) throw new AppError('UPSTREAM_NOT_FOUND', `there is no upstream "${name}"`, { upstream: name })
    return slot
  }

  #add(config: UpstreamConfig): void {
    const closing = this.#forgetting.get(config.name)
    const slot: Slot = { config, upstream: undefined, detach: undefined, previous: undefined, closing }
    this.#slots.set(config.name, slot)
    this.#onChange(config.name, 'added')
    if (config.enabled) this.#start(slot)
  }

  #remove(name: string): void {
    const slot = this.#slots.get(name)
    if (!slot) return
    this.#slots.delete(name)
    this.#stop(slot, 'upstream-removed')
    const forgetting = this.#forgetClosed(slot).then(() => {
      if (this.#forgetting.get(name) === forgetting) this.#forgetting.delete(name)
      this.#left(name, forgetting)
    })
    this.#forgetting.set(name, forgetting)
    this.#onChange(name, 'removed')
  }

  async #forgetClosed({ closing, config }: Slot): Promise<void> {
    await closing
    await this.#forget(config)
  }

  #change(slot: Slot, config: UpstreamConfig): void {
    const before = slot.config
    slot.config = config
    if (!config.enabled) {
      if (slot.upstream) this.#stopAndTell(slot)
    } else if (!slot.upstream) this.#start(slot)
    else if (needsAnother(before, config)) {
      this.#stop(slot, 'upstream-removed')
      this.#start(slot)
    } else slot.upstream.reconfigure(config)
    this.#onChange(config.name, 'changed')
  }

  #start(slot: Slot): void {
    if (slot.closing) return // `#stop` starts it when the one before has gone
    const upstream = this.#create(slot.config)
    slot.upstream = upstream
    slot.previous = undefined
    slot.detach = this.#attach(upstream)
    this.#onChange(slot.config.name, 'started')
  }

  #stopAndTell(slot: Slot): void {
    this.#stop(slot, 'upstream-removed')
    this.#onChange(slot.config.name, 'stopped')
  }

  /** The upstream takes no more requests from now on; telemetry hears it out until its last process is gone. */
  #stop(slot: Slot, reason: 'shutdown' | 'upstream-removed', timeoutMs?: number): void {
    const { upstream, detach } = slot
    if (!upstream) return
    slot.upstream = undefined
    slot.previous = upstream
    slot.detach = undefined
    const closing = upstream.close(reason, timeoutMs).then(() => {
      detach?.()
      this.#leaving.delete(upstream)
      this.#left(slot.config.name, closing)
    })
    slot.closing = closing
    this.#leaving.set(upstream, closing)
  }

  /** What was to start under this name meanwhile may now: the slot may be another one than was stopped. */
  #left(name: string, closing: Promise<void>): void {
    const slot = this.#slots.get(name)
    if (slot?.closing !== closing) return
    slot.closing = undefined
    if (slot.config.enabled && !this.#closed) this.#start(slot)
  }
}

/** Whether the one that runs can't become what is configured now: what it and its clients know is of another server. */
function needsAnother(before: UpstreamConfig, after: UpstreamConfig): boolean {
  if (before.transport !== after.transport || before.protocol !== after.protocol) return true
  return before.transport !== 'stdio' && after.transport !== 'stdio' && before.url !== after.url
}
