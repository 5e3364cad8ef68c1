import { bridge } from '../bridge/index.ts'
import { Session } from './session.ts'
import { useStore } from './store.ts'

/** The one session of this window. Started by main.tsx, before the first render. */
export const session = new Session(bridge, useStore)
