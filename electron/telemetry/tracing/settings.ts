/** What OpenTelemetry's standard variables ask for. */
export interface TracingSettings {
  protocol: 'http/protobuf' | 'http/json'
  sampler: { name: string; argument: number }
  /** Of the batch processor; absent: the SDK's own. */
  batch: {
    scheduledDelayMillis?: number
    exportTimeoutMillis?: number
    maxQueueSize?: number
    maxExportBatchSize?: number
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

const samplers = ['always_on', 'always_off', 'traceidratio'].flatMap((name) => [name, `parentbased_${name}`])

/**
 * Traces are exported when `OTEL_TRACES_EXPORTER` says `otlp`, or says nothing and there is an OTLP endpoint.
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/; the endpoint, headers, timeout, … are
 * read by the exporter, the resource by the SDK.)
 *
 * @returns undefined when no traces are wanted; `problem`: they are, but can't be had
 */
export function tracingSettings(environment: Environment): TracingSettings | { problem: string } | undefined {
  // An empty variable counts as absent there.
  const read = (name: string) => environment[name]?.trim() || undefined
  const exporters = read('OTEL_TRACES_EXPORTER')
    ?.split(',')
    .map((name) => name.trim())
  const endpoint = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? read('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined
  if (exporters ? !exporters.includes('otlp') : endpoint === undefined) return undefined
  const protocol = read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read('OTEL_EXPORTER_OTLP_PROTOCOL') ?? 'http/protobuf'
  if (protocol !== 'http/protobuf' && protocol !== 'http/json')
    return { problem: `OTLP over ${protocol} is not supported: set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf` }
  const name = read('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on'
  if (!samplers.includes(name)) return { problem: `OTEL_TRACES_SAMPLER is ${name}, and none of ${samplers.join(', ')}` }
  const number = (variable: string) => {
    const value = read(variable)
    return value !== undefined && Number.isFinite(Number(value)) && Number(value) >= 0 ? Number(value) : undefined
  }
  return {
    protocol,
    sampler: { name, argument: number('OTEL_TRACES_SAMPLER_ARG') ?? 1 },
    batch: present({
      scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY'),
      exportTimeoutMillis: number('OTEL_BSP_EXPORT_TIMEOUT'),
      maxQueueSize: number('OTEL_BSP_MAX_QUEUE_SIZE'),
      maxExportBatchSize: number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
    }),
  }
}

/** Without the members that are undefined: to the SDK they would be values. */
function present<T extends Record<string, number | undefined>>(options: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: number
  }
}
