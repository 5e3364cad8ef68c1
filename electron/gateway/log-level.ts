import { scanObject, spanAt, stringAt } from '../upstream/envelope.ts'
import type { JsonText } from '../upstream/types.ts'

/** Severities of RFC 5424 that MCP uses, least severe first. */
export const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const
export type LogLevel = (typeof logLevels)[number]

export const isLogLevel = (level: unknown): level is LogLevel => (logLevels as readonly unknown[]).includes(level)

/**
 * Whether a `notifications/message` is at least as severe as `level`. A level that the specification does not know can't
 * be compared: better seen than lost.
 */
export function isLoud(message: JsonText, level: LogLevel): boolean {
  const params = spanAt(message, ['params'])
  const told = params && stringAt(message, scanObject(message, ['level'], params)?.[0])
  const rank = logLevels.indexOf(told as LogLevel)
  return rank === -1 || rank >= logLevels.indexOf(level)
}
