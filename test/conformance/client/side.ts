import { type ClientExcuse, clientExcuses } from '../excuses.ts'
import type { Check } from '../suite.ts'
import { reportClientResult, summarize } from './report.ts'
import { type ClientRevision, clientScenarios, notApplicable } from './scenarios.ts'
import { type ClientRun, listClientScenarios, runClientScenario } from './suite.ts'

/** One scenario, driven by a client of one era. */
export interface ClientResult {
  scenario: string
  revision: ClientRevision
  /** What the client behind the gateway speaks; the other era than the suite's server: a bridge. */
  client: 'legacy' | 'modern'
  succeeded: number
  problems: string[]
  excuse: ClientExcuse | null
  /** Whether it was run once more, as it had problems the first time. */
  again: boolean
  output: string
}

export interface ClientSideOptions {
  subject: 'host' | 'sdk'
  /** Part of the name of the scenarios to run; default all. */
  only?: string | undefined
  /** Whether what the client said is told too, where a scenario failed. */
  verbose?: boolean
}

export interface ClientSide {
  passed: number
  failed: number
  results: ClientResult[]
}

/** Hosts at once: each has its own suite, and most of them wait for most of the time. */
const atOnce = 3

interface Case {
  scenario: string
  revision: ClientRevision
  client: 'legacy' | 'modern'
}

/** @throws when the suite has other scenarios than are listed as run or as not applicable */
export async function runClientSide({ subject, only = '', verbose = false }: ClientSideOptions): Promise<ClientSide> {
  const known = [...clientScenarios.map(({ name }) => name), ...Object.keys(notApplicable)].sort()
  const offered = (await listClientScenarios()).sort()
  if (JSON.stringify(known) !== JSON.stringify(offered))
    throw new Error(`The suite has other client scenarios than are known:\n${offered.join(' ')}\n${known.join(' ')}`)
  const cases = allCases(subject).filter(({ scenario }) => scenario.includes(only))
  const results: ClientResult[] = []
  const next = cases.values()
  const work = async () => {
    for (const one of next) {
      const first = judge(one, await runClientScenario(one.scenario, one.revision, { subject, client: one.client }))
      const result =
        first.problems.length === 0
          ? first
          : {
              ...judge(one, await runClientScenario(one.scenario, one.revision, { subject, client: one.client })),
              again: true,
            }
      results.push(result)
      reportClientResult(result, verbose)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { ...summarize(results), results }
}

/**
 * A client of the era of the suite's server, and where our own translation comes in between, one of the other era too.
 * How we sign in is the same for both.
 */
function allCases(subject: 'host' | 'sdk'): Case[] {
  return clientScenarios.flatMap(({ name: scenario, revisions }) =>
    revisions.flatMap((revision) => {
      const own = revision === '2026-07-28' ? 'modern' : 'legacy'
      const bridged = subject === 'host' && !scenario.startsWith('auth/')
      const clients = bridged ? (['legacy', 'modern'] as const) : ([own] as const)
      return clients.map((client) => ({ scenario, revision, client }))
    }),
  )
}

function judge({ scenario, revision, client }: Case, run: ClientRun): ClientResult {
  const excuse = clientExcuses.find(
    (each) =>
      each.scenario === scenario &&
      each.revisions.includes(revision) &&
      (each.client === undefined || each.client === client),
  )
  const having = (...statuses: Check['status'][]) => run.checks.filter(({ status }) => statuses.includes(status))
  const bad = having('FAILURE', 'WARNING')
  const skipped = having('SKIPPED')
  const { failing = [], skipped: untried = [] } = excuse ?? {}
  const problems = [
    ...bad
      .filter(({ id }) => !failing.includes(id))
      .map(({ id, status, errorMessage }) => `${id}: ${status} ${errorMessage ?? ''}`.trim()),
    ...skipped
      .filter(({ name }) => !untried.includes(name))
      .map(({ id, name, errorMessage }) => `${id}: ${name} was not tried ${errorMessage ?? ''}`.trim()),
    // They would hide a defect of tomorrow.
    ...failing.filter((id) => !bad.some((check) => check.id === id)).map((id) => `${id}: needs no excuse`),
    ...untried
      .filter((name) => !skipped.some((check) => check.name === name))
      .map((name) => `${name}: needs no excuse`),
  ]
  const succeeded = having('SUCCESS').length
  if (succeeded === 0) problems.push('nothing succeeded')
  if (run.failed && bad.length === 0) problems.push('the client ended with an error')
  return {
    scenario,
    revision,
    client,
    succeeded,
    problems,
    excuse: excuse ?? null,
    again: false,
    output: problems.length === 0 ? '' : run.output,
  }
}
