import type { EventRecord } from '../../shared/events.ts'
import type { GatewayState, HostState, Point, UpstreamSnapshot } from '../../shared/state.ts'
import type { FrameContent, FrameContents } from './frame-hub.ts'

/** The present state, composed on demand. */
export interface StateReader {
  names(): Iterable<string>
  /** Undefined when there is no such upstream any more. */
  upstream(name: string): UpstreamSnapshot | undefined
  host(): HostState
  gateway(): GatewayState
  lastEventId(): number
  eventsSince(id: number): EventRecord[]
  pointsSince(name: string, second: number): Point[]
}

/** Remembers what changed since the last frame; composes it only when a frame is due. */
export class PendingChanges implements FrameContents {
  readonly #state: StateReader
  readonly #dirty = new Set<string>()
  readonly #known = new Set<string>()
  readonly #removed = new Set<string>()
  #hostDirty = true
  #host = ''
  #gateway = ''
  #eventId = 0
  /** The second of the newest point, and of the newest point that was told. */
  #second = 0
  #toldSecond = 0

  constructor(state: StateReader) {
    this.#state = state
  }

  markUpstream(name: string): void {
    this.#dirty.add(name)
  }

  markHost(): void {
    this.#hostDirty = true
  }

  /** @param setBack the series began anew, because the wall clock was set back */
  markPoints(second: number, setBack: boolean): void {
    this.#second = second
    if (setBack) this.#toldSecond = second - 1
  }

  /** Notices upstreams that came and went. To be called whenever the present names are told to someone. */
  reconcile(): void {
    const present = new Set(this.#state.names())
    for (const name of present) {
      if (this.#known.has(name)) continue
      this.#known.add(name)
      this.#removed.delete(name)
      this.#dirty.add(name)
    }
    for (const name of this.#known) {
      if (present.has(name)) continue
      this.#known.delete(name)
      this.#dirty.delete(name)
      this.#removed.add(name)
    }
  }

  take(): FrameContent | null {
    this.reconcile()
    const content: FrameContent = {
      ...this.#takeHost(),
      ...this.#takeGateway(),
      upstreams: [...this.#dirty].flatMap((name) => this.#state.upstream(name) ?? []),
      removed: [...this.#removed],
      events: this.#state.eventsSince(this.#eventId),
      points: this.#takePoints(),
    }
    this.#settle()
    const changed =
      content.host ||
      content.gateway ||
      content.upstreams.length > 0 ||
      content.removed.length > 0 ||
      content.events.length > 0 ||
      Object.keys(content.points).length > 0
    return changed ? content : null
  }

  drop(): void {
    this.reconcile()
    this.#settle()
  }

  #settle(): void {
    this.#dirty.clear()
    this.#removed.clear()
    this.#eventId = this.#state.lastEventId()
    this.#toldSecond = this.#second
  }

  #takeHost(): Pick<FrameContent, 'host'> {
    if (!this.#hostDirty) return {}
    this.#hostDirty = false
    const host = this.#state.host()
    const text = JSON.stringify(host)
    if (text === this.#host) return {}
    this.#host = text
    return { host }
  }

  #takeGateway(): Pick<FrameContent, 'gateway'> {
    const gateway = this.#state.gateway()
    const text = JSON.stringify(gateway)
    if (text === this.#gateway) return {}
    this.#gateway = text
    return { gateway }
  }

  #takePoints(): Record<string, Point[]> {
    const told: Record<string, Point[]> = {}
    if (this.#second === this.#toldSecond) return told
    for (const name of this.#known) {
      const points = this.#state.pointsSince(name, this.#toldSecond)
      if (points.length > 0) told[name] = points
    }
    return told
  }
}
