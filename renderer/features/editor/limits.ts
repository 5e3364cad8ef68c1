import {
  defaultPoolLimits,
  defaultTimeouts,
  type PoolLimits,
  poolLimitsSchema,
  type Timeouts,
  timeoutsSchema,
} from '../../../shared/config.ts'
import { durationText, parseDuration } from './duration.ts'

/** What a limit's text is: a whole number, a duration with its unit, a factor, or one of a few words. */
export type LimitKind = 'count' | 'duration' | 'factor' | 'choice'

export type LimitPath = { section: 'pool'; key: keyof PoolLimits } | { section: 'timeouts'; key: keyof Timeouts }

export type LimitField = LimitPath & {
  label: string
  kind: LimitKind
  /** Basic ones are seen at once, advanced ones after a click. */
  group: 'basic' | 'advanced'
  /** What 0 means, where it means something of its own. */
  zero?: string
  choices?: readonly string[]
}

/** Every limit that an entry can set, in the order of the editor and of the Config tab. */
export const limitFields: readonly LimitField[] = [
  { section: 'pool', key: 'maxConnections', label: 'Connections at most', kind: 'count', group: 'basic' },
  { section: 'pool', key: 'minIdle', label: 'Kept ready', kind: 'count', group: 'basic', zero: 'none' },
  { section: 'pool', key: 'idleTimeoutMs', label: 'Idle timeout', kind: 'duration', group: 'basic', zero: 'never' },
  { section: 'pool', key: 'acquireTimeoutMs', label: 'Acquire timeout', kind: 'duration', group: 'basic' },
  { section: 'pool', key: 'maxUses', label: 'Uses at most', kind: 'count', group: 'basic', zero: 'off' },
  {
    section: 'pool',
    key: 'mode',
    label: 'Mode',
    kind: 'choice',
    group: 'basic',
    choices: poolLimitsSchema.shape.mode.options,
  },
  { section: 'pool', key: 'spares', label: 'Warm spares', kind: 'count', group: 'advanced', zero: 'none' },
  {
    section: 'pool',
    key: 'maxLifetimeMs',
    label: 'Lifetime at most',
    kind: 'duration',
    group: 'advanced',
    zero: 'off',
  },
  { section: 'pool', key: 'maxWaiting', label: 'Waiting at most', kind: 'count', group: 'advanced' },
  { section: 'pool', key: 'maxInFlight', label: 'In flight per connection', kind: 'count', group: 'advanced' },
  { section: 'pool', key: 'leakWarnMs', label: 'Leak warning after', kind: 'duration', group: 'advanced', zero: 'off' },
  {
    section: 'pool',
    key: 'maxLeaseMs',
    label: 'Lease revoked after',
    kind: 'duration',
    group: 'advanced',
    zero: 'off',
  },
  { section: 'pool', key: 'healthCheckIntervalMs', label: 'Maintenance every', kind: 'duration', group: 'advanced' },
  { section: 'pool', key: 'returnQueueMultiplier', label: 'Return queue factor', kind: 'factor', group: 'advanced' },
  { section: 'timeouts', key: 'connectTimeoutMs', label: 'Connect timeout', kind: 'duration', group: 'basic' },
  { section: 'timeouts', key: 'responseTimeoutMs', label: 'Response timeout', kind: 'duration', group: 'basic' },
  { section: 'timeouts', key: 'requestTimeoutMs', label: 'Request timeout', kind: 'duration', group: 'basic' },
]

/** `pool.maxConnections`: the name of a limit in findings, in `data-field` and in the form. */
export const limitId = (field: LimitPath) => `${field.section}.${field.key}` as const

/** What a limit does, from the schema itself. */
export function limitHelp(field: LimitPath): string {
  const schema = field.section === 'pool' ? poolLimitsSchema.shape[field.key] : timeoutsSchema.shape[field.key]
  return schema.description ?? ''
}

/** The product's default; a config file's `defaults` may say otherwise. */
export function defaultOf(field: LimitPath): number | string {
  return field.section === 'pool' ? defaultPoolLimits[field.key] : defaultTimeouts[field.key]
}

/** How a limit's value stands in an input or a table. */
export function limitText(field: LimitField, value: number | string, zero: string | undefined = undefined): string {
  if (typeof value === 'string') return value
  if (field.kind === 'duration') return durationText(value, zero ?? field.zero ?? '0')
  return value === 0 && zero !== undefined ? zero : String(value)
}

/** The value of what was typed, or a sentence that says what is expected. Ranges are the schema's business. */
export function parseLimit(field: LimitField, text: string): { value: number | string } | { expected: string } {
  const trimmed = text.trim()
  switch (field.kind) {
    case 'choice':
      return { value: trimmed }
    case 'duration': {
      const ms = parseDuration(trimmed)
      if (ms !== undefined) return { value: ms }
      return /^\d+(\.\d+)?$/.test(trimmed)
        ? { expected: `add a unit: ${trimmed} s, ${trimmed} ms or ${trimmed} min` }
        : { expected: 'a duration, such as 500 ms, 30 s or 10 min' }
    }
    case 'count':
      return /^\d+$/.test(trimmed) ? { value: Number(trimmed) } : { expected: 'a whole number' }
    case 'factor':
      return /^\d+(\.\d+)?$/.test(trimmed) ? { value: Number(trimmed) } : { expected: 'a number, such as 2.5' }
  }
}
