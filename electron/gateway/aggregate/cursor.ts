import { AppError } from '../../../shared/errors.ts'

/** Where the list of one upstream goes on: its own cursor, on the process that gave it. */
export interface Place {
  cursor: string
  connectionId: string
}

/** A page of the list of all is a page of each; those that have more are named in its cursor. */
export const encodeCursor = (places: ReadonlyMap<string, Place>): string =>
  Buffer.from(
    JSON.stringify([...places].map(([name, { cursor, connectionId }]) => [name, cursor, connectionId])),
  ).toString('base64url')

/** @throws AppError INVALID_ARGUMENT when it is none of ours */
export function decodeCursor(text: unknown): Map<string, Place> {
  try {
    const entries = JSON.parse(Buffer.from(String(text), 'base64url').toString()) as unknown
    if (Array.isArray(entries) && entries.every(isEntry))
      return new Map(entries.map(([name, cursor, connectionId]) => [name, { cursor, connectionId }]))
  } catch {
    // Not even JSON: told below.
  }
  throw new AppError('INVALID_ARGUMENT', 'The cursor is not valid')
}

const isEntry = (entry: unknown): entry is [string, string, string] =>
  Array.isArray(entry) && entry.length === 3 && entry.every((part) => typeof part === 'string')
