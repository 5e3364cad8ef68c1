import { z } from 'zod'
import { eventSchema } from './events.ts'
import { gatewayStateSchema, hostStateSchema, pointSchema, upstreamSchema } from './state.ts'

/** Frames are sent at most this often, and only while someone listens. */
export const frameIntervalMs = 250
/** With nothing to tell, an empty frame is sent this often, so that a listener knows that the host lives. */
export const heartbeatMs = 2_000
/** A listener that has heard nothing for this long says that the host is gone. */
export const hostGoneMs = 6_000

/** Everything, at one moment. `seq` is the number of the last frame sent before it. */
export const snapshotSchema = z.object({
  seq: z.number(),
  at: z.number(),
  host: hostStateSchema,
  gateway: gatewayStateSchema,
  upstreams: z.array(upstreamSchema),
  events: z.array(eventSchema),
})
export type Snapshot = z.infer<typeof snapshotSchema>

/**
 * What changed since the frame before. Entities are whole and replace what the listener has; applying a frame twice,
 * or one that is older than the snapshot, changes nothing for the worse. A gap in `seq` means: ask for a snapshot.
 */
export const frameSchema = z.object({
  seq: z.number(),
  at: z.number(),
  host: hostStateSchema.optional(),
  gateway: gatewayStateSchema.optional(),
  upstreams: z.array(upstreamSchema),
  removed: z.array(z.string()),
  events: z.array(eventSchema),
  points: z.record(z.string(), z.array(pointSchema)),
})
export type Frame = z.infer<typeof frameSchema>
