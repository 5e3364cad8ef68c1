import { notApplicable } from './scenarios.ts'
import type { ClientResult } from './side.ts'

const say = (line: string) => void process.stdout.write(`${line}\n`)

export function reportClientResult(result: ClientResult, verbose: boolean): void {
  const { scenario, revision, client, succeeded, problems, excuse, again, output } = result
  const notes = [
    ...(again && problems.length === 0 ? ['passed the second time'] : []),
    ...(excuse ? [`excused ${[excuse.failing ?? [], excuse.skipped ?? []].flat().join(', ')}: ${excuse.because}`] : []),
  ]
  const mark = problems.length === 0 ? 'passed' : 'FAILED'
  say(`${[mark, revision, `${client} client`, scenario, `${succeeded} checks`, ...notes].join(' | ')}`)
  for (const problem of problems) say(`        ${problem}`)
  if (verbose && output !== '') say(output.replaceAll(/^/gm, '        '))
}

export function summarize(results: readonly ClientResult[]): { passed: number; failed: number } {
  const failed = results.filter(({ problems }) => problems.length > 0).length
  for (const [scenario, why] of Object.entries(notApplicable)) say(`not run | ${scenario} | ${why}`)
  say(`${results.length - failed} runs of client scenarios pass, ${failed} do not`)
  return { passed: results.length - failed, failed }
}
