import type { Check, Findings } from './suite.ts'

export type Verdict = 'passed' | 'warned' | 'failed' | 'missing'

/** How bad it is: through the gateway it must not be worse than directly. */
const badness: Record<Verdict, number> = { passed: 0, warned: 1, failed: 2, missing: 3 }

/** What no gateway can carry over. */
export interface Excuse {
  /** Ids of the checks that can't succeed; any other one still must. */
  checks: readonly string[]
  because: string
}

export interface ScenarioResult {
  scenario: string
  direct: Verdict
  through: Verdict
  /** What the gateway spoiled; empty: it kept what the server does. */
  problems: string[]
  /** Why less than everything can be expected here. */
  excuse: string | null
  /** Whether it was run once more, as it had problems the first time. */
  again: boolean
}

interface Problem {
  check: string
  text: string
}

export function verdictOf(checks: readonly Check[] | undefined): Verdict {
  if (!checks || checks.length === 0) return 'missing'
  if (checks.some(({ status }) => status === 'FAILURE')) return 'failed'
  return checks.some(({ status }) => status === 'WARNING') ? 'warned' : 'passed'
}

export function compareScenario(
  scenario: string,
  direct: Findings,
  through: Findings,
  excuse?: Excuse,
): ScenarioResult {
  const [before, after] = [direct.get(scenario), through.get(scenario)]
  const verdicts = { direct: verdictOf(before), through: verdictOf(after) }
  const problems = [...worse(verdicts.direct, verdicts.through, after), ...lost(before, after)]
  const excused = (check: string) => excuse?.checks.includes(check) === true
  const idle = excuse?.checks.filter((check) => !problems.some((problem) => problem.check === check)) ?? []
  return {
    scenario,
    ...verdicts,
    problems: [
      ...problems.filter(({ check }) => !excused(check)).map(({ text }) => text),
      // It would hide a defect of tomorrow.
      ...idle.map((check) => `${check}: needs no excuse`),
    ],
    excuse: excuse?.because ?? null,
    again: false,
  }
}

function worse(direct: Verdict, through: Verdict, checks: readonly Check[] = []): Problem[] {
  if (badness[through] <= badness[direct]) return []
  const bad = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
  return bad.length === 0
    ? [{ check: '', text: 'no result' }]
    : bad.map(({ id, status, errorMessage }) => ({ check: id, text: `${id}: ${status} ${errorMessage ?? ''}`.trim() }))
}

/** Checks that succeed directly and that are not even tried through the gateway: a feature is not offered any more. */
function lost(before: readonly Check[] = [], after: readonly Check[] = []): Problem[] {
  const tried = new Set(after.filter(({ status }) => status !== 'SKIPPED').map(({ id }) => id))
  const succeeded = new Set(before.filter(({ status }) => status === 'SUCCESS').map(({ id }) => id))
  return [...succeeded].filter((id) => !tried.has(id)).map((id) => ({ check: id, text: `${id}: not tried` }))
}
