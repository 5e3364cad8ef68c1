import { DiagLogLevel, diag, type Tracer } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Logger } from '../../kit/logger.ts'
import type { TracingSettings } from './settings.ts'

export interface TraceExport {
  tracer: Tracer
  /** Sends what is left. Resolves within the exporter's own timeout. */
  close(): Promise<void>
}

/** The OpenTelemetry SDK, exporting to what its standard variables say. It is registered nowhere: we alone use it. */
export function startExport(settings: TracingSettings, version: string, logger: Logger): TraceExport {
  logTo(logger)
  const exporter = settings.protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter()
  const provider = new TracerProvider({
    sampler: samplerOf(settings.sampler),
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'poolscope', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter, ...settings.batch })],
  })
  return { tracer: provider.getTracer('poolscope', version), close: () => provider.shutdown() }
}

function samplerOf({ name, argument }: TracingSettings['sampler']): Sampler {
  const parentBased = name.startsWith('parentbased_')
  const root = rootSampler(parentBased ? name.slice('parentbased_'.length) : name, argument)
  return parentBased ? new ParentBasedSampler({ root }) : root
}

function rootSampler(name: string, argument: number): Sampler {
  if (name === 'always_off') return new AlwaysOffSampler()
  return name === 'traceidratio' ? new TraceIdRatioBasedSampler(argument) : new AlwaysOnSampler()
}

/** A collector that is away must not go unnoticed; nor must it fill the log. */
function logTo(logger: Logger): void {
  let told = ''
  const tell = (message: string, ...details: unknown[]) => {
    const text = [message, ...details.map(String)].join(' ').slice(0, 500)
    if (text !== told) logger.log('warn', 'OpenTelemetry', { message: text })
    told = text
  }
  const nothing = () => {}
  diag.setLogger(
    { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}
