import { type PairRow, pairRow } from './form.ts'

/**
 * `KEY=value` lines, as in an .env file, or for headers `Name: value` lines as well; anything else gives nothing, and is
 * pasted as it is.
 */
export function readPairs(text: string, kind: 'env' | 'headers' = 'env'): PairRow[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const headers = kind === 'headers' ? lines.map((line) => /^([\w-]+):\s*(.*)$/.exec(line)) : [null]
  if (headers.every((header) => header !== null)) return headers.map((header) => pairRow(header[1], header[2]))
  const pairs = lines.map((line) => /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/.exec(line))
  return pairs.every((pair) => pair !== null)
    ? pairs.map((pair) => pairRow(pair[1], (pair[2] ?? '').replace(/^(["'])(.*)\1$/, '$2')))
    : []
}
