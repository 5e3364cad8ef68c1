/**
 * The public MCP conformance suite, against the fixture directly and against the same fixture as a stdio server behind
 * the gateway: no scenario may be worse through the gateway than it is directly.
 *
 *   node test/conformance/run.ts [--json FILE] [--revision R] [--era legacy|modern|both] [--isolation shared|session]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Isolation } from '../../shared/config.ts'
import { type ServerEra, serverEras } from './excuses.ts'
import { isWorse, type Leg, runLeg } from './leg.ts'
import { type Revision, revisions, runSuite } from './suite.ts'
import { withFixture } from './targets.ts'

/** As many as the suite has, and all of them pass: else it would be another suite, or a worse fixture, than is meant. */
const scenarioCounts: Record<Revision, number> = { '2025-11-25': 33, '2026-07-28': 40 }

const isolations = ['shared', 'session'] as const

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    revision: { type: 'string' },
    era: { type: 'string' },
    isolation: { type: 'string' },
  },
})

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

const legs: Leg[] = []
columns('client', 'server', 'isolation', 'direct', 'through', 'excused', 'worse')
for (const revision of chosen(revisions, values.revision)) {
  const direct = await withFixture((url) => runSuite(url, revision))
  if (direct.size !== scenarioCounts[revision])
    throw new Error(`The suite has ${direct.size} scenarios for ${revision}, not ${scenarioCounts[revision]}`)
  for (const era of chosen(serverEras, values.era)) {
    for (const isolation of chosen(isolations, values.isolation)) {
      if (isRefused(revision, era, isolation)) continue
      const leg = await runLeg(direct, revision, era, isolation)
      report(leg)
      legs.push(leg)
    }
  }
}
const all = legs.flatMap(({ results }) => results)
const failed = all.filter((result) => isWorse(result) || result.direct !== 'passed').length
const summary = { passed: all.length - failed, failed, legs }
if (values.json) writeFileSync(values.json, `${JSON.stringify(summary, null, 2)}\n`)
say(`${summary.passed} scenarios are as good through the gateway as directly, ${failed} are not`)
process.exitCode = failed === 0 ? 0 : 1
