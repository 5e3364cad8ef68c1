import type { ChurnReport } from './run.ts'

/** What must hold however fast or busy the machine is. Empty when it does. */
export function verdict(report: ChurnReport): string[] {
  const { streams, drops, attempts, opened, sessions, sent, delivered, duplicates, losses, broken } = report
  const claims: [boolean, string][] = [
    [sent > 0 && drops >= streams, `only ${sent} notifications and ${drops} drops: nothing was tried`],
    [losses === 0, `${losses} notifications were lost`],
    [duplicates === 0, `${duplicates} notifications were told twice`],
    [delivered === sent, `${sent} notifications were sent, ${delivered} delivered`],
    [report.peakPerSession === 1, `a session had ${report.peakPerSession} streams at once`],
    [report.peakSubscriptions === 1, `a session subscribed ${report.peakSubscriptions} times`],
    [sessions === streams, `${sessions} sessions for ${streams} clients`],
    // One for each drop, and the first: whoever tries more often does so in vain.
    [attempts <= drops + streams, `${attempts} attempts for ${streams} streams and ${drops} drops`],
    [opened <= attempts, `${opened} streams opened by ${attempts} attempts`],
    [broken.length === 0, `streams of the gateway ended: ${broken.join('; ')}`],
  ]
  return claims.filter(([holds]) => !holds).map(([, problem]) => problem)
}
