import { useEffect, useState } from 'react'
import { runCommand, useLink } from '../../store/hooks.ts'
import type { Finding } from './findings.ts'
import type { RawEntry } from './form.ts'

/** Long enough not to ask for each letter, short enough to answer before one looks up. */
const debounceMs = 300

export interface Check {
  findings: readonly Finding[]
  /** The program that would be run; null when it was not found. */
  resolvedCommand: string | null
  /** The answer is about what stands in the form now. */
  current: boolean
}

const nothing: readonly Finding[] = []

/**
 * Asks the host about a name and an entry while they are typed: is the name free, is the command there, are the
 * variables set. The answer to an older text is dropped; a host that can't be reached has nothing to say.
 */
export function useCheck(name: string, entry: RawEntry, options: { editing: boolean; enabled: boolean }): Check {
  const { editing, enabled } = options
  const online = useLink().state === 'live'
  const question = JSON.stringify({ name, entry, editing })
  const [answer, setAnswer] = useState<Check & { to: string }>({
    to: '',
    findings: nothing,
    resolvedCommand: null,
    current: false,
  })

  useEffect(() => {
    if (!enabled || !online) return
    let stopped = false
    const timer = setTimeout(async () => {
      try {
        const result = await runCommand('upstream.check', JSON.parse(question))
        if (!stopped) setAnswer({ ...result, to: question, current: true })
      } catch {
        // The check is a help while typing. What is wrong is said again, and for certain, when the form is sent.
        if (!stopped) setAnswer({ to: question, findings: nothing, resolvedCommand: null, current: true })
      }
    }, debounceMs)
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }, [question, enabled, online])

  const current = enabled && answer.to === question
  return { findings: enabled ? answer.findings : nothing, resolvedCommand: answer.resolvedCommand, current }
}
