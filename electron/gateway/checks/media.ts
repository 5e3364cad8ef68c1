/** `application/json`, with or without parameters. */
export const isJsonBody = (contentType: string | undefined): boolean =>
  contentType === 'application/json' || /^\s*application\/json\s*(?:;|$)/i.test(contentType ?? '')

/** What a client takes for an answer. */
export interface Accepts {
  json: boolean
  /** Only when it says so by name: to a wildcard of a plain HTTP tool a stream would be a surprise. */
  stream: boolean
}

const both: Accepts = { json: true, stream: true }

/** Reads an Accept header; absent means anything. */
export function acceptsOf(accept: string | undefined): Accepts {
  if (accept === 'application/json, text/event-stream') return both
  if (accept === undefined || accept === '') return { json: true, stream: false }
  const types = accept
    .toLowerCase()
    .split(',')
    .map((range) => range.trim())
    .filter((range) => !/;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(range))
    .map((range) => range.split(';', 1)[0]?.trim())
  return {
    json: types.some((type) => type === 'application/json' || type === 'application/*' || type === '*/*'),
    stream: types.includes('text/event-stream') || types.includes('text/*'),
  }
}
