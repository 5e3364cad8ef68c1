import { type PairRow, pairRow } from './form.ts'

/** `KEY=value` lines, as in an .env file; anything else gives nothing, and is pasted as it is. */
export function readPairs(text: string): PairRow[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const pairs = lines.map((line) => /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/.exec(line))
  return pairs.every((pair) => pair !== null)
    ? pairs.map((pair) => pairRow(pair[1], (pair[2] ?? '').replace(/^(["'])(.*)\1$/, '$2')))
    : []
}
