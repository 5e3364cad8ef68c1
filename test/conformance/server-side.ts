import type { Isolation } from '../../shared/config.ts'
import { type ServerEra, serverEras } from './excuses.ts'
import { isWorse, type Leg, runLeg } from './leg.ts'
import { type Revision, revisions, runSuite } from './suite.ts'
import { withFixture } from './targets.ts'

/** As many as the suite has, and all of them pass: else it would be another suite, or a worse fixture, than is meant. */
const scenarioCounts: Record<Revision, number> = { '2025-11-25': 33, '2026-07-28': 40 }

const isolations = ['shared', 'session'] as const

/** @throws when `one` is given and is none of them */
function chosen<T extends string>(all: readonly T[], one: string | undefined): readonly T[] {
  if (one === undefined) return all
  const found = all.filter((each) => each === one)
  if (found.length === 0) throw new Error(`${one} is none of ${all.join(', ')}`)
  return found
}

const say = (line: string) => void process.stdout.write(`${line}\n`)
const columns = (...cells: (string | number)[]) => say(cells.map((cell) => String(cell).padEnd(10)).join(' | '))

/** A client without sessions, and a server that is to have one process for each of them: refused, with the reason. */
const isRefused = (revision: Revision, era: ServerEra, isolation: Isolation) =>
  revision === '2026-07-28' && era === 'legacy' && isolation === 'session'

function report({ revision, era, isolation, results }: Leg): void {
  const count = (which: (result: (typeof results)[number]) => boolean) => results.filter(which).length
  columns(
    revision,
    era,
    isolation,
    `${count((it) => it.direct === 'passed')} of ${results.length}`,
    count((it) => it.through === 'passed'),
    count((it) => it.excuse !== null),
    count(isWorse),
  )
  for (const result of results) {
    if (result.direct !== 'passed') say(`    NOT EVEN DIRECTLY ${result.scenario}`)
    if (isWorse(result)) say(`    WORSE ${result.scenario}\n${result.problems.map((it) => `        ${it}`).join('\n')}`)
    else if (result.excuse) say(`    excused ${result.scenario}: ${result.excuse}`)
    else if (result.again) say(`    ${result.scenario} passed the second time`)
  }
}

export interface ServerSide {
  passed: number
  failed: number
  legs: Leg[]
}

/** Every server scenario in every leg, or in the chosen ones. @throws when a choice is none */
export async function runServerSide(choice: {
  revision?: string
  era?: string
  isolation?: string
}): Promise<ServerSide> {
  const legs: Leg[] = []
  columns('client', 'server', 'isolation', 'direct', 'through', 'excused', 'worse')
  for (const revision of chosen(revisions, choice.revision)) {
    const direct = await withFixture((url) => runSuite(url, revision))
    if (direct.size !== scenarioCounts[revision])
      throw new Error(`The suite has ${direct.size} scenarios for ${revision}, not ${scenarioCounts[revision]}`)
    for (const era of chosen(serverEras, choice.era)) {
      for (const isolation of chosen(isolations, choice.isolation)) {
        if (isRefused(revision, era, isolation)) continue
        const leg = await runLeg(direct, revision, era, isolation)
        report(leg)
        legs.push(leg)
      }
    }
  }
  const all = legs.flatMap(({ results }) => results)
  const failed = all.filter((result) => isWorse(result) || result.direct !== 'passed').length
  const passed = all.length - failed
  say(`${passed} scenarios are as good through the gateway as directly, ${failed} are not`)
  return { passed, failed, legs }
}
