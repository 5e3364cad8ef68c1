import { CircleX, Info, type LucideIcon, TriangleAlert } from 'lucide-react'
import type { EventRecord } from '../../../shared/contract.ts'

export type EventLevel = EventRecord['level']

export const levelLook: Record<EventLevel, { icon: LucideIcon; ink: string; word: string }> = {
  info: { icon: Info, ink: 'text-ink-3', word: 'Info' },
  warn: { icon: TriangleAlert, ink: 'text-draining-ink', word: 'Warning' },
  error: { icon: CircleX, ink: 'text-dead-ink', word: 'Error' },
}

const rank: Record<EventLevel, number> = { info: 0, warn: 1, error: 2 }

/** Whether an event is at least as grave as a level. */
export const atLeast = (event: EventRecord, level: EventLevel): boolean => rank[event.level] >= rank[level]
