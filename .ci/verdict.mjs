// Reads what the test runner and the conformance run wrote and what is still running, and says in the last line how it went.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const [resultsFile, exitStatus, mark, conformanceFile] = process.argv.slice(2)
/** A child that is just being ended may take this long to be gone. */
const graceMs = 5_000

/** Processes that inherited the mark; zombies have no environment any more, and are not running. */
function marked() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
        return environment.includes(`CI_RUN_MARK=${mark}`)
          ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`]
          : []
      } catch {
        return [] // gone meanwhile, or not ours to read
      }
    })
}

async function leftRunning() {
  if (process.platform !== 'linux') return []
  const deadline = Date.now() + graceMs
  while (marked().length > 0 && Date.now() < deadline) await delay(100)
  return marked()
}

function readResults() {
  try {
    return JSON.parse(readFileSync(resultsFile, 'utf8'))
  } catch (error) {
    console.error(`The test runner left no result: ${error.message}`)
    return { numPassedTests: 0, numFailedTests: 0, numFailedTestSuites: 0 }
  }
}

/** Scenarios of the conformance suite; a run that came to no end counts as one that failed. */
function readConformance() {
  try {
    const { passed, failed } = JSON.parse(readFileSync(conformanceFile, 'utf8'))
    return { passed, failed: passed === 0 ? Math.max(1, failed) : failed }
  } catch (error) {
    console.error(`The conformance run left no result: ${error.message}`)
    return { passed: 0, failed: 1 }
  }
}

const { numPassedTests, numFailedTests, numFailedTestSuites } = readResults()
const conformance = readConformance()
const leftovers = await leftRunning()
if (leftovers.length > 0) console.error(`Left running by the tests:\n${leftovers.join('\n')}`)
if (numPassedTests === 0) console.error('No test has passed')
// A file that fails to load fails without a test of its own; so does an error outside of every test.
const outsideTests = exitStatus === '0' || numFailedTests > 0 ? 0 : Math.max(1, numFailedTestSuites)
const failed = numFailedTests + outsideTests + leftovers.length + conformance.failed
process.stdout.write(`${numPassedTests + conformance.passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 && numPassedTests > 0 ? 0 : 1
