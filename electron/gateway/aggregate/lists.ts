import { AppError, toErrorShape } from '../../../shared/errors.ts'
import type { Clock } from '../../kit/clock.ts'
import type { JsonText, UpstreamReply } from '../../upstream/types.ts'
import type { BackendRequest } from '../backend.ts'
import { errorCode, ownReply } from '../bridge/replies.ts'
import { elementsOf, memberOf, memberText, withMember, without } from '../json/members.ts'
import { isObject } from '../message.ts'
import { rpcCodes } from '../rpc.ts'
import { decodeCursor, encodeCursor, type Place } from './cursor.ts'
import type { Connected, Member } from './members.ts'
import { exposedItem, type ListMethod, lists } from './rewrite.ts'

/** An upstream that takes longer (its program may have to be downloaded first) is left out, and told of when it is there. */
const memberTimeoutMs = 15_000

/** One that can't be reached at present may try for this long: the lists of the others don't wait for its backoff. */
const failingMs = 1_000

/** Where a list's `_meta` names the upstreams that are missing in it, and why. */
export const unavailableKey = 'poolscope/unavailable'

export interface ListDeps {
  clock: Clock
  connect(member: Member): Promise<Connected>
  /** An upstream was left out: it is asked again by the next list, and whoever listens hears when it has come. */
  late(member: Member): void
}

interface Page {
  member: Member
  items: JsonText[]
  place?: Place | undefined
}

/** One page of each upstream, side by side; what one of them fails with does not hide the others. */
export async function listAll(
  method: ListMethod,
  request: BackendRequest,
  members: readonly Member[],
  deps: ListDeps,
): Promise<UpstreamReply> {
  const params: unknown = request.params === undefined ? undefined : JSON.parse(request.params)
  const cursor = isObject(params) ? params.cursor : undefined
  const places = cursor === undefined ? undefined : decodeCursor(cursor)
  const asked = places ? members.filter(({ target }) => places.has(target.name)) : members
  const settled = await Promise.allSettled(
    asked.map((member) => page(method, request, member, places?.get(member.target.name), deps)),
  )
  if (request.signal?.aborted) throw new AppError('ABORTED', `${method} was cancelled by the caller`)
  const items: JsonText[] = []
  const next = new Map<string, Place>()
  const unavailable: Record<string, string> = {}
  for (const [i, outcome] of settled.entries()) {
    const member = asked[i]
    if (!member) continue
    if (outcome.status === 'rejected') {
      unavailable[member.target.name] = toErrorShape(outcome.reason).message
      deps.late(member)
    } else {
      items.push(...outcome.value.items)
      if (outcome.value.place) next.set(member.target.name, outcome.value.place)
    }
  }
  const parts = [memberText(lists[method].items, `[${items.join(',')}]`)]
  if (next.size > 0) parts.push(memberText('nextCursor', JSON.stringify(encodeCursor(next))))
  if (Object.keys(unavailable).length > 0)
    parts.push(memberText('_meta', JSON.stringify({ [unavailableKey]: unavailable })))
  return ownReply('result', `{${parts.join(',')}}`)
}

async function page(
  method: ListMethod,
  request: BackendRequest,
  member: Member,
  place: Place | undefined,
  { clock, connect }: ListDeps,
): Promise<Page> {
  const expired = new AbortController()
  const { promise: timeout, reject } = Promise.withResolvers<never>()
  const leaveOut = (why: string) => {
    reject(new AppError('DEADLINE_EXCEEDED', why, { upstream: member.target.name }))
    expired.abort()
  }
  const look = (waitedMs: number) => {
    const failure = member.failing()
    if (failure !== undefined) leaveOut(failure)
    else if (waitedMs >= memberTimeoutMs) leaveOut(`no list within ${memberTimeoutMs} ms`)
    else timer = clock.after(failingMs, () => look(waitedMs + failingMs))
  }
  let timer = clock.after(failingMs, () => look(failingMs))
  const onAbort = () => expired.abort()
  request.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([timeout, ask(method, request, member, place, connect, expired.signal)])
  } finally {
    timer.cancel()
    request.signal?.removeEventListener('abort', onAbort)
  }
}

async function ask(
  method: ListMethod,
  request: BackendRequest,
  member: Member,
  place: Place | undefined,
  connect: ListDeps['connect'],
  signal: AbortSignal,
): Promise<Page> {
  const { namespace } = member
  const { backend, profile } = await connect(member)
  const own = without(request.params ?? '{}', (key) => key === 'cursor' || key === 'progressToken')
  const params = place ? withMember(own, 'cursor', JSON.stringify(place.cursor)) : own
  const reply = await backend.request({ ...request, params, profile, signal, only: place?.connectionId || undefined })
  if (reply.kind === 'error') {
    // It offers nothing of this kind.
    if (errorCode(reply.text) === rpcCodes.methodNotFound) return { member, items: [] }
    throw new AppError('INTERNAL', String((JSON.parse(reply.text) as { message?: unknown }).message))
  }
  const items = memberOf(reply.text, lists[method].items)
  const next = memberOf(reply.text, 'nextCursor')
  return {
    member,
    items: items?.startsWith('[') ? elementsOf(items).map((item) => exposedItem(method, namespace, item)) : [],
    place: next?.startsWith('"') ? { cursor: JSON.parse(next) as string, connectionId: reply.connectionId } : undefined,
  }
}
