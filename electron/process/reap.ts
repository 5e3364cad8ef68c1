import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '../kit/logger.ts'
import { identify, type ProcessIdentity, sameIdentity } from './identity.ts'
import { ledgerSuffix, parseLedger } from './ledger.ts'
import { groupAlive, hostPlatform, signalGroup } from './platform.ts'

/** Between SIGTERM and SIGKILL, and after it. Only a start that finds leftovers waits. */
const termMs = 1000
const killMs = 1000
const pollMs = 20

/**
 * Ends what earlier hosts left, as far as their ledgers tell, and removes the ledgers. A process is ended only when PID,
 * group, start time, boot and command line are all those of the ledger: a reused PID is never touched. The ledger of a
 * host that still runs is left alone.
 * @returns the PIDs of the trees that were ended
 */
export async function reapLeftovers(directory: string, logger: Logger): Promise<number[]> {
  const files = await readdir(directory).catch(() => [])
  const reaped: number[] = []
  for (const name of files) {
    if (!name.endsWith(ledgerSuffix)) continue
    const file = join(directory, name)
    const { host, live } = parseLedger(await readFile(file, 'utf8').catch(() => ''))
    if (host && (await stillRuns(host))) continue
    const ended = await Promise.all(live.map((leftover) => endLeftover(leftover, logger)))
    reaped.push(...live.filter((_, index) => ended[index]).map(({ pid }) => pid))
    await rm(file, { force: true })
  }
  if (reaped.length > 0) logger.log('warn', 'Ended processes that an earlier run had left', { pids: reaped })
  return reaped
}

/** A host may rename itself (process.title), so its command line says nothing. */
async function stillRuns(host: ProcessIdentity): Promise<boolean> {
  const now = await identify(host.pid)
  return now !== undefined && now.startTime === host.startTime && now.bootId === host.bootId
}

async function endLeftover(leftover: ProcessIdentity, logger: Logger): Promise<boolean> {
  const { pid, pgid } = leftover
  const now = await identify(pid)
  // A tree of ours is led by its root. Anything else is not ours, or not all ours.
  if (!now || pgid !== pid || !sameIdentity(now, leftover)) return false
  signalGroup(hostPlatform, pgid, 'SIGTERM')
  signalGroup(hostPlatform, pgid, 'SIGCONT')
  if (await groupEnds(pgid, termMs)) return true
  signalGroup(hostPlatform, pgid, 'SIGKILL')
  if (await groupEnds(pgid, killMs)) return true
  logger.log('error', 'A process that an earlier run had left could not be ended', { pid })
  return false
}

async function groupEnds(pgid: number, ms: number): Promise<boolean> {
  const end = performance.now() + ms
  while (groupAlive(hostPlatform, pgid, true)) {
    if (performance.now() > end) return false
    await wait(pollMs)
  }
  return true
}
