import type { GatewayEvents } from '../../gateway/types.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Emitter, Unsubscribe } from '../../kit/emitter.ts'
import type { Logger } from '../../kit/logger.ts'
import { type Environment, tracingSettings } from './settings.ts'
import type { Peer } from './spans.ts'

export interface TracingOptions {
  environment: Environment
  version: string
  clock: Clock
  logger: Logger
  /** Who is at the other end of a connection; undefined when it is not known. */
  peer: (connectionId: string) => Peer | undefined
}

/** Traces of what the gateway serves, exported over OTLP. */
export interface Tracing {
  attach(gateway: { readonly events: Emitter<GatewayEvents> }): Unsubscribe
  /** Sends what is left, within `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
}

/**
 * Starts tracing when the standard variables of OpenTelemetry ask for it. Otherwise nothing of the SDK is even loaded, and
 * nobody listens.
 */
export async function startTracing({
  environment,
  version,
  clock,
  logger,
  peer,
}: TracingOptions): Promise<Tracing | undefined> {
  const settings = tracingSettings(environment)
  if (settings === undefined) return undefined
  if ('problem' in settings) {
    logger.log('error', 'no traces are exported', { problem: settings.problem })
    return undefined
  }
  const [{ startExport }, { recordSpans }] = await Promise.all([import('./exporter.ts'), import('./spans.ts')])
  const { tracer, close } = startExport(settings, version, logger)
  logger.log('info', 'traces are exported', { protocol: settings.protocol, sampler: settings.sampler.name })
  return {
    attach: ({ events }) =>
      events.on('request.done', (served) => {
        recordSpans(tracer, served, clock.wall(), served.reply ? peer(served.reply.connectionId) : undefined)
      }),
    close: async (timeoutMs) => {
      const late = Promise.withResolvers<string>()
      const timer = clock.after(timeoutMs, () => late.resolve('the collector did not answer in time'), { ref: true })
      const problem = await Promise.race([close().then(() => undefined, String), late.promise])
      timer.cancel()
      if (problem !== undefined) logger.log('warn', 'some traces were lost', { problem })
    },
  }
}
