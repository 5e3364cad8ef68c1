import { create } from 'zustand'
import type { Model } from './model.ts'

/**
 * connecting: nothing was heard yet. live: frames come. lost: nothing was heard for `hostGoneMs`; what is shown is old.
 * unauthorized: the host refused the token.
 */
export type LinkState = 'connecting' | 'live' | 'lost' | 'unauthorized'

export interface Link {
  state: LinkState
  /** Epoch milliseconds of this machine: for `lost`, when the host was last heard. */
  since: number
}

export interface StoreState {
  link: Link
  /** What is shown. Stays as it was while paused or lost. */
  model: Model | null
  paused: boolean
  /** Host clock minus this machine's clock, so that ages are right when the host runs elsewhere. */
  clockSkewMs: number
}

export const initialState = (): StoreState => ({
  link: { state: 'connecting', since: Date.now() },
  model: null,
  paused: false,
  clockSkewMs: 0,
})

export const useStore = create<StoreState>()(initialState)
