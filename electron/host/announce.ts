import type { Journal } from '../telemetry/journal.ts'

/** What the host itself has to say in the event feed. */
export function announcer(journal: Journal) {
  return {
    started: (version: string) => journal.add({ kind: 'host.started', message: `Poolscope ${version} started` }),
    closing: () => journal.add({ kind: 'host.closing', level: 'warn', message: 'Draining and stopping every child' }),
    listening: (url: string) => journal.add({ kind: 'gateway.listening', message: `The gateway listens at ${url}` }),
    gatewayFailed: (message: string) => journal.add({ kind: 'gateway.failed', level: 'error', message }),
    configRead: (file: string) => journal.add({ kind: 'config.saved', message: `${file} was changed and is in use` }),
    needsRestart: (keys: readonly string[]) =>
      journal.add({
        kind: 'config.saved',
        level: 'warn',
        message: `gateway.${keys.join(', gateway.')}: the change takes effect at the next start`,
      }),
    configRejected: (error: unknown) =>
      journal.add({
        kind: 'config.rejected',
        level: 'error',
        message: `The changed config is not used: ${error instanceof Error ? error.message : String(error)}`,
      }),
  }
}
