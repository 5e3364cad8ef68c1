import type { Isolation } from '../../shared/config.ts'
import { compareScenario, type ScenarioResult } from './compare.ts'
import { excusesFor, type ServerEra } from './excuses.ts'
import { type Findings, type Revision, runSuite } from './suite.ts'
import { withGateway } from './targets.ts'

/** One run of all scenarios through the gateway. */
export interface Leg {
  /** What the suite speaks. */
  revision: Revision
  /** What the stdio server speaks. */
  era: ServerEra
  isolation: Isolation
  results: ScenarioResult[]
}

/** The suite waits for some things no longer than half a second. More than a few problems are no matter of time. */
const maxRepeated = 3

export async function runLeg(direct: Findings, revision: Revision, era: ServerEra, isolation: Isolation): Promise<Leg> {
  const excuses = excusesFor(revision, era)
  const results = await withGateway(era, isolation, async (url) => {
    const through = await runSuite(url, revision)
    const judged: ScenarioResult[] = []
    for (const scenario of direct.keys()) judged.push(compareScenario(scenario, direct, through, excuses[scenario]))
    if (judged.filter(isWorse).length > maxRepeated) return judged
    for (const [i, result] of judged.entries()) {
      const { scenario } = result
      if (!isWorse(result)) continue
      const once = await runSuite(url, revision, scenario)
      judged[i] = { ...compareScenario(scenario, direct, once, excuses[scenario]), again: true }
    }
    return judged
  })
  return { revision, era, isolation, results }
}

export const isWorse = ({ problems }: ScenarioResult): boolean => problems.length > 0
