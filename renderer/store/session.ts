import type { Frame, Point } from '../../shared/contract.ts'
import { hostGoneMs } from '../../shared/frames.ts'
import type { Bridge, BridgeStatus } from '../bridge/types.ts'
import { applyFrame, fromSnapshot, type Model, withSeries } from './model.ts'
import { initialState, type Link, type LinkState, type StoreState } from './store.ts'

/** How the session writes: zustand's setState and getState, or a plain object in tests. */
export interface StoreApi {
  getState(): StoreState
  setState(partial: Partial<StoreState>): void
}

/** A refused snapshot is asked for again after this; the stream itself has its own backoff in the bridge. */
const snapshotRetryMs = 1_000
/** A stream that broke is opened anew at once; a host that is not back by then is gone. */
const brokenStreamMs = 1_500
/** How often silence is looked for: well under hostGoneMs, so that the banner is late by a second at most. */
const watchIntervalMs = 1_000

/**
 * Joins the bridge to the store: asks for a snapshot, applies frames on top of it, asks again after a gap or a new
 * stream, and says when the host has gone quiet. Only this writes the model.
 */
export class Session {
  readonly #bridge: Bridge
  readonly #store: StoreApi
  /** The newest model; differs from the shown one only while paused. */
  #latest: Model | null = null
  /** Frames that arrived while a snapshot was on its way; null when none is. */
  #pending: Frame[] | null = null
  #snapshotRun = 0
  #lastHeardAt = Date.now()
  #closed = false
  readonly #seriesLoading = new Set<string>()
  readonly #seriesWanted = new Map<string, number>()
  readonly #seriesLoaded = new Set<string>()
  readonly #stops: (() => void)[] = []

  constructor(bridge: Bridge, store: StoreApi) {
    this.#bridge = bridge
    this.#store = store
  }

  start(): void {
    this.#stops.push(
      this.#bridge.onStatus((status) => this.#onStatus(status)),
      this.#bridge.onFrame((frame) => this.#onFrame(frame)),
    )
    const watch = setInterval(() => this.#watchSilence(), watchIntervalMs)
    this.#stops.push(() => clearInterval(watch))
  }

  close(): void {
    this.#closed = true
    this.#snapshotRun++
    for (const stop of this.#stops.splice(0)) stop()
    this.#store.setState(initialState())
  }

  setPaused(paused: boolean): void {
    this.#store.setState(paused ? { paused } : { paused, model: this.#latest })
  }

  /** Loads five minutes of an upstream once and keeps them while at least one caller wants them. */
  wantSeries(name: string): () => void {
    this.#seriesWanted.set(name, (this.#seriesWanted.get(name) ?? 0) + 1)
    void this.#loadSeries(name)
    return () => {
      const left = (this.#seriesWanted.get(name) ?? 1) - 1
      if (left > 0) this.#seriesWanted.set(name, left)
      else this.#seriesWanted.delete(name)
    }
  }

  #onStatus(status: BridgeStatus): void {
    if (status === 'open') void this.#resync()
    else if (status === 'unauthorized') this.#setLink('unauthorized', Date.now())
    else if (status === 'closed') {
      // The stream broke: the host has a moment to be back, not the time that mere silence is given.
      this.#lastHeardAt = Math.min(this.#lastHeardAt, Date.now() - hostGoneMs + brokenStreamMs)
      this.#snapshotRun++ // the next stream asks for its own; until then the bridge's backoff is the only one that tries
    } else if (status === 'opening' && this.#store.getState().link.state === 'unauthorized') {
      this.#lastHeardAt = Date.now()
      this.#setLink('connecting', Date.now())
    }
  }

  #onFrame(frame: Frame): void {
    const wasLost = this.#store.getState().link.state === 'lost'
    this.#heard(frame.at)
    if (this.#pending) {
      this.#pending.push(frame)
      return
    }
    const next = this.#latest && !wasLost ? applyFrame(this.#latest, frame) : null
    if (next) this.#publish(next)
    else void this.#resync(frame)
  }

  /** Asks for a snapshot until it is answered; frames that come meanwhile are applied on top of it. */
  async #resync(first?: Frame): Promise<void> {
    const run = ++this.#snapshotRun
    this.#pending = first ? [first] : []
    while (run === this.#snapshotRun) {
      const reply = await this.#bridge.command('snapshot.get', {})
      if (run !== this.#snapshotRun) return
      if (reply.ok) {
        // A hung host may still answer a request; only frames say that it lives.
        if (this.#store.getState().link.state !== 'lost') this.#heard(reply.result.at)
        const frames = this.#pending
        this.#pending = null
        this.#seriesLoaded.clear()
        let model = fromSnapshot(reply.result, this.#latest)
        for (const frame of frames) {
          const next = applyFrame(model, frame)
          if (!next) return this.#resync()
          model = next
        }
        this.#publish(model)
        for (const name of this.#seriesWanted.keys()) void this.#loadSeries(name)
        return
      }
      if (reply.error.code === 'UNAUTHORIZED') {
        this.#setLink('unauthorized', Date.now())
        return
      }
      await new Promise((resolve) => setTimeout(resolve, snapshotRetryMs))
    }
  }

  async #loadSeries(name: string): Promise<void> {
    if (!this.#latest || this.#seriesLoaded.has(name) || this.#seriesLoading.has(name)) return
    if (!Object.hasOwn(this.#latest.upstreams, name)) return
    this.#seriesLoading.add(name)
    const reply = await this.#bridge.command('series.get', { upstream: name })
    this.#seriesLoading.delete(name)
    if (!reply.ok || this.#closed || !this.#latest) return // the sparkline grows from frames instead
    this.#seriesLoaded.add(name)
    const loaded: readonly Point[] = reply.result.points
    this.#publish(withSeries(this.#latest, name, loaded))
  }

  #publish(model: Model): void {
    if (model === this.#latest) return
    const appeared = model.names !== this.#latest?.names
    this.#latest = model
    if (!this.#store.getState().paused || !this.#store.getState().model) this.#store.setState({ model })
    if (!appeared) return
    for (const name of this.#seriesLoaded) if (!Object.hasOwn(model.upstreams, name)) this.#seriesLoaded.delete(name)
    for (const name of this.#seriesWanted.keys()) void this.#loadSeries(name)
  }

  #heard(hostAt: number): void {
    this.#lastHeardAt = Date.now()
    const skewMs = hostAt - this.#lastHeardAt
    const state = this.#store.getState()
    // Transport delay wobbles by milliseconds; only a real difference between two machines' clocks matters.
    if (Math.abs(skewMs - state.clockSkewMs) > 1_000) this.#store.setState({ clockSkewMs: skewMs })
    if (state.link.state !== 'live') this.#setLink('live', this.#lastHeardAt)
  }

  #watchSilence(): void {
    const { link } = this.#store.getState()
    if (link.state === 'lost' || link.state === 'unauthorized') return
    if (Date.now() - this.#lastHeardAt > hostGoneMs) this.#setLink('lost', this.#lastHeardAt)
  }

  #setLink(state: LinkState, since: number): void {
    const link: Link = { state, since }
    if (this.#store.getState().link.state !== state) this.#store.setState({ link })
  }
}
