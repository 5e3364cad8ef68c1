import { randomBytes } from 'node:crypto'

/** A random handle that nobody can guess: visible ASCII, `bits` of randomness (default 144). */
export function randomHandle(bits = 144): string {
  return randomBytes(Math.ceil(bits / 8)).toString('base64url')
}
