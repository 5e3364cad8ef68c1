import type { NewEvent } from './journal.ts'
import { plain } from './text.ts'

/** What the words for an event depend on beside the event. */
export interface About {
  /** Masks the upstream's secrets in a text of foreign origin. */
  redact(text: string): string
  /** Reached over HTTP: nothing of it is a process. */
  remote: boolean
}

/** How events are told; null tells nothing. */
export type Describers<E> = { [K in keyof E]?: (event: E[K], about: About) => NewEvent | null }

/** More of a message is not searched for secrets, and never shown. */
const maxSearched = 16_384

/** A text of foreign origin as one bounded line. Secrets go before it is cut, so that no half of one is left at the end. */
export const foreign = (text: string, about: About, max?: number): string =>
  plain(about.redact(text.slice(0, maxSearched)), max)

interface Place {
  connectionId: string
  pid?: number | null
}

export const subject = ({ connectionId, pid }: Place): string =>
  pid === null || pid === undefined ? `Connection ${plain(connectionId, 40)}` : `Process ${pid}`

export const place = ({ connectionId, pid }: Place): Pick<NewEvent, 'connectionId' | 'pid'> => ({
  connectionId,
  pid: pid ?? null,
})
