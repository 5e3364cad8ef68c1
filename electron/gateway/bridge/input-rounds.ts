import { randomUUID } from 'node:crypto'
import { AppError } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'
import type { JsonText, ServerRequest, UpstreamReply } from '../../upstream/types.ts'
import type { BackendRequest } from '../backend.ts'
import { memberOf, membersOf, memberText, withMember } from '../json/members.ts'
import { missingCapabilities, requiredCapabilities } from './capabilities.ts'
import { inputFailed } from './legacy-results.ts'

/** PROTOCOL, section 1. */
const maxRounds = 8
const maxTotalMs = 600_000

/** Before a retry that waits for nothing but time (the server sheds load). As in the SDK. */
const pacingMs = 250

type Retry = (more: { params: JsonText; only?: string | undefined }) => Promise<UpstreamReply>

/** Why the loop can't go on: told to the model by a tool's result, to the program otherwise. */
class InputFailure extends Error {}

/**
 * The loop of `input_required`: what a modern server wants to know is asked of the legacy client by real requests, and the
 * call is repeated with the answers, until there is a result.
 */
export class InputRounds {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param params the first request's, complete */
  async complete(
    request: BackendRequest,
    params: JsonText,
    first: UpstreamReply,
    retry: Retry,
  ): Promise<UpstreamReply> {
    const deadline = this.#clock.now() + maxTotalMs
    let reply = first
    try {
      for (let round = 1; isInputRequired(reply); round++) {
        if (round > maxRounds)
          throw new InputFailure(`${request.method} still required input after ${maxRounds} rounds`)
        const requests = memberOf(reply.text, 'inputRequests')
        const state = memberOf(reply.text, 'requestState')
        const asked = requests?.startsWith('{') ? membersOf(requests) : []
        if (asked.length === 0 && state === undefined)
          throw new InputFailure(`The server asked ${request.method} for input, but not for which`)
        const responses =
          asked.length > 0 ? await this.#ask(request, asked, deadline) : await this.#pause(request.signal)
        let next = params
        if (responses !== undefined) next = withMember(next, 'inputResponses', responses)
        if (state !== undefined) next = withMember(next, 'requestState', state)
        // Servers sign the state with a key made at their start: only the process that gave it can read it.
        reply = await retry({ params: next, only: state === undefined ? undefined : reply.connectionId })
      }
      return reply
    } catch (error) {
      if (error instanceof InputFailure) return inputFailed(request.method, error.message)
      throw error
    }
  }

  /** @returns the text of `inputResponses` */
  async #ask(
    request: BackendRequest,
    asked: readonly { key: string; value: JsonText }[],
    deadline: number,
  ): Promise<JsonText> {
    const over = new AbortController()
    const onAbort = () => over.abort(aborted(request.method))
    request.signal?.addEventListener('abort', onAbort, { once: true })
    const timer = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () =>
      over.abort(new InputFailure(`No answer to what ${request.method} asked within ${maxTotalMs} ms`)),
    )
    try {
      const prepared = asked.map(({ key, value }) => ({ key, ...prepare(request, key, value) }))
      const answers = prepared.map(async ({ key, method, params }) =>
        memberText(key, await askClient(request, { method, params }, over.signal)),
      )
      return `{${(await Promise.all(answers)).join(',')}}`
    } catch (error) {
      over.abort(error)
      throw error
    } finally {
      timer.cancel()
      request.signal?.removeEventListener('abort', onAbort)
    }
  }

  #pause(signal: AbortSignal | undefined): Promise<undefined> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        timer.cancel()
        reject(aborted('the request'))
      }
      const timer = this.#clock.after(pacingMs, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve(undefined)
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}

export function isInputRequired(reply: UpstreamReply): boolean {
  if (reply.kind !== 'result' || !reply.text.includes('"input_required"')) return false
  return memberOf(reply.text, 'resultType') === '"input_required"'
}

/** @throws InputFailure when it is no question, or the client did not declare that it answers such */
function prepare(
  request: BackendRequest,
  key: string,
  text: JsonText,
): { method: string; params?: JsonText | undefined } {
  const { method, params: values } = JSON.parse(text) as { method?: unknown; params?: unknown }
  const required = typeof method === 'string' ? requiredCapabilities(method, values) : undefined
  if (typeof method !== 'string' || !required)
    throw new InputFailure(`The server asked for input "${key}" of an unknown kind`)
  if (!request.onServerRequest || missingCapabilities(required, request.client.capabilities))
    throw new InputFailure(
      `Cannot request input "${key}" (${method}): the client did not declare the required capability`,
    )
  const params = memberOf(text, 'params')
  const isUrl = params !== undefined && memberOf(params, 'mode') === '"url"'
  // 2025-11-25 requires an id of URL elicitations, which the modern era has not.
  return { method, params: isUrl ? withMember(params, 'elicitationId', JSON.stringify(randomUUID())) : params }
}

function askClient(
  { onServerRequest }: BackendRequest,
  { method, params }: { method: string; params?: JsonText | undefined },
  gone: AbortSignal,
): Promise<JsonText> {
  return new Promise((resolve, reject) => {
    const onGone = () => reject(gone.reason)
    if (gone.aborted) {
      onGone()
      return
    }
    gone.addEventListener('abort', onGone, { once: true })
    const request: ServerRequest = {
      method,
      params,
      gone,
      answer(kind, text) {
        if (gone.aborted) return false
        gone.removeEventListener('abort', onGone)
        if (kind === 'result') resolve(text)
        else reject(new InputFailure(`The client refused ${method}: ${messageOf(text)}`))
        return true
      },
    }
    onServerRequest?.(request)
  })
}

function messageOf(error: JsonText): string {
  const message = memberOf(error, 'message')
  return message?.startsWith('"') ? (JSON.parse(message) as string) : error.slice(0, 200)
}

const aborted = (method: string): AppError =>
  new AppError('ABORTED', `${method} was cancelled by the caller`, { method })
