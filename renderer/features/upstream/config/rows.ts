import { launcherConnectTimeoutMs, type PoolLimits, type Timeouts } from '../../../../shared/config.ts'
import { defaultOf, type LimitField, limitFields, limitHelp, limitId, limitText } from '../../editor/limits.ts'

/** Where a value comes from: the upstream's own entry, the config file's `defaults`, or the product; npx and its like get longer to connect. */
export type Origin = 'entry' | 'file' | 'launcher' | 'product'

export interface LimitRow {
  id: string
  label: string
  value: string
  origin: Origin
  /** The product's default, where the value is another. */
  instead: string | null
  help: string
  /** The key as it stands in the file. */
  key: string
}

type Effective = { pool: PoolLimits; timeouts: Timeouts }

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Every limit with its value in force and where it comes from, in the editor's order. */
export function limitRows(entry: Record<string, unknown>, effective: Effective): LimitRow[] {
  return limitFields.map((field) => {
    const value = field.section === 'pool' ? effective.pool[field.key] : effective.timeouts[field.key]
    const origin = originOf(field, entry, value)
    const standard = defaultOf(field)
    return {
      id: limitId(field),
      label: field.label,
      value: limitText(field, value, field.zero),
      origin,
      instead: value === standard ? null : limitText(field, standard, field.zero),
      help: limitHelp(field),
      key: limitId(field),
    }
  })
}

function originOf(field: LimitField, entry: Record<string, unknown>, value: number | string): Origin {
  const own = entry[field.section]
  if (isRecord(own) && own[field.key] !== undefined) return 'entry'
  if (value === defaultOf(field)) return 'product'
  const launcher = field.key === 'connectTimeoutMs' || field.key === 'acquireTimeoutMs'
  return launcher && value === launcherConnectTimeoutMs ? 'launcher' : 'file'
}
