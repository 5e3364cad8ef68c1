import type { StreamSnapshot } from '../../../../shared/state.ts'

/** What a stream is for, in a word or two and in a sentence. */
export const streamKindWords: Record<StreamSnapshot['kind'], { word: string; help: string }> = {
  notifications: { word: 'Notifications', help: 'The GET stream on which the server tells what changed' },
  subscription: { word: 'Subscription', help: 'subscriptions/listen: what the server was asked to tell' },
  messages: { word: 'Messages', help: 'The one stream of the old HTTP+SSE, which carries every answer' },
  response: { word: 'Rest of an answer', help: 'An answer that was cut off and is fetched again from where it ended' },
}
