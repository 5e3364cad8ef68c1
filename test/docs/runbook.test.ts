import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { defineMetrics } from '../../electron/telemetry/metrics/definitions.ts'
import { commandNames } from '../../shared/commands.ts'
import { poolLimitsSchema } from '../../shared/config.ts'
import { ERROR_CODES } from '../../shared/errors.ts'

const runbook = readFileSync(resolve(import.meta.dirname, '../../docs/operational-runbook.md'), 'utf8')
const mentioned = (pattern: RegExp): string[] => [
  ...new Set([...runbook.matchAll(pattern)].map((match) => match[1] ?? '')),
]

/** Codes of commands, files and the window: what they are about is said where they occur. */
const notOfAPool = [
  'CONFIG_UNWRITABLE',
  'ADDRESS_IN_USE',
  'USER_DATA_IN_USE',
  'INVALID_ARGUMENT',
  'UNAUTHORIZED',
  'COMMAND_NOT_FOUND',
  'UPSTREAM_NOT_FOUND',
  'UPSTREAM_EXISTS',
  'CONNECTION_NOT_FOUND',
  'HOST_UNREACHABLE',
  'INTERNAL',
]

test('the runbook has a row for every error that a pool can give', () => {
  const rows = mentioned(/^\| `([A-Z_]+)` \|/gm)
  expect(rows.toSorted()).toEqual(ERROR_CODES.filter((code) => !notOfAPool.includes(code)).toSorted())
})

test('every metric that the runbook names exists', async () => {
  const names = new Set((await defineMetrics().registry.getMetricsAsJSON()).map(({ name }) => name))
  const told = mentioned(/\b((?:poolscope|process|nodejs|mcp)_[a-z_]+[a-z])\b/g).filter(
    (name) => name.split('_').length > 2,
  )
  expect(told.length).toBeGreaterThan(10)
  // A few stand for a group, as in `grep '^poolscope_pool'`.
  expect(told.filter((name) => ![...names].some((real) => real.startsWith(name)))).toEqual([])
})

test('every command that the runbook names exists', () => {
  const told = mentioned(/\bcmd ([a-z]+\.[a-zA-Z]+)/g)
  expect(told.length).toBeGreaterThan(5)
  expect(told.filter((name) => !(commandNames as string[]).includes(name))).toEqual([])
})

test('every limit of a pool that can be tuned is explained', () => {
  // Only `isolation: "multiplex"` would use it, which no upstream offers yet.
  const limits = Object.keys(poolLimitsSchema.shape).filter((name) => name !== 'maxInFlight')
  expect(limits.filter((name) => !runbook.includes(`\`${name}`))).toEqual([])
})
