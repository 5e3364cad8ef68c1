/**
 * `next` with every part that equals the same part of `previous` replaced by it, so that what did not change keeps its
 * identity and React skips it. Plain JSON only (what crosses the contract). Array items are matched by position.
 * @returns `previous` itself when nothing changed
 */
export function share<T>(previous: unknown, next: T): T {
  if (Object.is(previous, next)) return next
  if (Array.isArray(next)) return shareArray(previous, next) as T
  if (isRecord(next)) return shareRecord(previous, next) as T
  return next
}

function shareArray(previous: unknown, next: readonly unknown[]): readonly unknown[] {
  if (!Array.isArray(previous)) return next
  let same = previous.length === next.length
  const merged = next.map((item, i) => {
    const kept = share(previous[i], item)
    if (!Object.is(kept, previous[i])) same = false
    return kept
  })
  return same ? previous : merged
}

function shareRecord(previous: unknown, next: Record<string, unknown>): Record<string, unknown> {
  if (!isRecord(previous)) return next
  const keys = Object.keys(next)
  let same = Object.keys(previous).length === keys.length
  const merged: Record<string, unknown> = {}
  for (const key of keys) {
    merged[key] = share(previous[key], next[key])
    if (!Object.hasOwn(previous, key) || !Object.is(merged[key], previous[key])) same = false
  }
  return same ? previous : merged
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Like {@link share} for a list of entities with ids: matched by id, so that a removed row does not disturb the rest. */
export function shareById<T extends { id: string }>(previous: T[] | undefined, next: T[]): T[] {
  if (!previous) return next
  const byId = new Map(previous.map((item) => [item.id, item]))
  let same = previous.length === next.length
  const merged = next.map((item, i) => {
    const kept = share(byId.get(item.id), item)
    if (!Object.is(kept, previous[i])) same = false
    return kept
  })
  return same ? previous : merged
}
