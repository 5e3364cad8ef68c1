/** One server-sent event with its fields as the HTML standard defines them. */
export interface ServerSentEvent {
  event: string
  data: string
}

/**
 * Takes text in pieces of any size and calls back with each complete event (HTML standard, 9.2.6 "Interpreting an
 * event stream"): CR, LF and CRLF end a line, lines that start with a colon are comments, several `data` lines are
 * joined with a newline, and an event without data is dropped.
 */
export class SseParser {
  readonly #onEvent: (event: ServerSentEvent) => void
  #line = ''
  #data: string[] = []
  #event = ''
  #afterCr = false
  #first = true

  constructor(onEvent: (event: ServerSentEvent) => void) {
    this.#onEvent = onEvent
  }

  push(text: string): void {
    let rest = text
    if (this.#first && rest.length > 0) {
      this.#first = false
      if (rest.startsWith('\uFEFF')) rest = rest.slice(1)
    }
    let start = 0
    for (let i = 0; i < rest.length; i++) {
      const char = rest[i]
      if (char === '\n' && this.#afterCr) {
        this.#afterCr = false
        start = i + 1
        continue
      }
      this.#afterCr = char === '\r'
      if (char !== '\n' && char !== '\r') continue
      this.#takeLine(this.#line + rest.slice(start, i))
      this.#line = ''
      start = i + 1
    }
    this.#line += rest.slice(start)
  }

  #takeLine(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#onEvent({ event: this.#event || 'message', data: this.#data.join('\n') })
      this.#data = []
      this.#event = ''
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const raw = colon < 0 ? '' : line.slice(colon + 1)
    const value = raw.startsWith(' ') ? raw.slice(1) : raw
    if (field === 'data') this.#data.push(value)
    else if (field === 'event') this.#event = value
  }
}
