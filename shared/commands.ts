import { z } from 'zod'
import { poolLimitsSchema, timeoutsSchema, upstreamNameSchema } from './config.ts'
import { eventSchema } from './events.ts'
import { snapshotSchema } from './frames.ts'
import { pointSchema } from './state.ts'

/** Commands are for people and scripts; what a window can do, a script can, and the other way round. */
interface CommandSpec<A extends z.ZodType, R extends z.ZodType> {
  doc: string
  arg: A
  result: R
}
const command = <A extends z.ZodType, R extends z.ZodType>(doc: string, arg: A, result: R): CommandSpec<A, R> => ({
  doc,
  arg,
  result,
})

const none = z.strictObject({})
const done = z.object({ ok: z.literal(true) })
const upstream = z.strictObject({ upstream: z.string().min(1) })
const connection = z.strictObject({ connectionId: z.string().min(1) })
/** Checked against entrySchemaFor (config.ts) by the handler, so that an error names the path that is wrong. */
const entry = z.record(z.string(), z.unknown())

export const logLineSchema = z.object({ seq: z.number(), at: z.number(), text: z.string() })
export type LogLine = z.infer<typeof logLineSchema>

/** What to paste into a client's configuration, or into a shell. */
const snippetsSchema = z.array(z.object({ client: z.string(), text: z.string() }))

/** A finding of `upstream.check`: a warning does not stop anything, an error does. */
export const findingSchema = z.object({
  path: z.array(z.string().or(z.number())),
  level: z.enum(['error', 'warning']),
  message: z.string(),
})

export const commands = {
  'snapshot.get': command('Everything the window shows, at this moment', none, snapshotSchema),
  'series.get': command(
    'The last five minutes of one upstream, a point a second',
    upstream,
    z.object({ points: z.array(pointSchema) }),
  ),
  'events.list': command(
    'The newest events first',
    z.strictObject({ upstream: z.string().optional(), limit: z.number().int().min(1).max(500).optional() }),
    z.object({ events: z.array(eventSchema) }),
  ),
  'upstream.spawn': command(
    'Open one more connection now, within the limit',
    upstream,
    z.object({ connectionId: z.string() }),
  ),
  'upstream.drain': command('Close every connection once it is free; demand opens new ones', upstream, done),
  'upstream.restart': command('Replace every connection one after the other while requests go on', upstream, done),
  'upstream.suspend': command('Grant nothing until resumed; callers get POOL_SUSPENDED', upstream, done),
  'upstream.resume': command('Grant again after a suspend', upstream, done),
  'upstream.retry': command('Try to connect now instead of waiting for the backoff or the breaker', upstream, done),
  'upstream.resetBreaker': command('Close the breaker and forget the failures', upstream, done),
  'upstream.stop': command(
    'Stop an upstream and its connections, and remember it (enabled: false); its sign-in is kept',
    upstream,
    done,
  ),
  'upstream.start': command('Start a stopped upstream, and remember it', upstream, done),
  'upstream.add': command(
    'Add an upstream to the config file and start it',
    z.strictObject({ name: upstreamNameSchema, entry }),
    done,
  ),
  'upstream.update': command(
    "Change an upstream's entry in the config file; limits take effect without a restart",
    z.strictObject({ name: z.string().min(1), entry }),
    done,
  ),
  'upstream.remove': command(
    'Stop an upstream, take it out of the config file, and forget its sign-in',
    upstream,
    done,
  ),
  'upstream.entry': command(
    "An upstream's entry as it stands in the config file, and the limits it results in",
    upstream,
    z.object({
      entry: z.record(z.string(), z.unknown()),
      /** With every default filled in: the entry's own, then the file's `defaults`, then the product's. */
      effective: z.object({ pool: poolLimitsSchema, timeouts: timeoutsSchema }),
    }),
  ),
  'upstream.check': command(
    'Check a name and an entry without adding them',
    z.strictObject({ name: z.string(), entry: z.record(z.string(), z.unknown()), editing: z.boolean().optional() }),
    z.object({ findings: z.array(findingSchema), resolvedCommand: z.string().nullable() }),
  ),
  'connection.kill': command('End a process tree at once (SIGKILL); its request fails', connection, done),
  'connection.drain': command('Close one connection once it is free', connection, done),
  'connection.restart': command('Close one connection once it is free and open another', connection, done),
  'connection.reconnect': command(
    'Try every stream of a connection that waits for its next attempt now',
    connection,
    z.object({ ok: z.literal(true), streams: z.number() }),
  ),
  'upstream.signIn': command(
    'Sign in at the authorization server of a remote upstream: opens the system browser, or tells the URL where there is none',
    upstream,
    z.object({ authorizationUrl: z.string().nullable(), opened: z.boolean() }),
  ),
  'upstream.completeSignIn': command(
    'Finish a sign-in whose redirect could not reach this machine, with the URL that the browser ended at',
    z.strictObject({ upstream: z.string().min(1), redirectUrl: z.string().min(1).max(16_384) }),
    done,
  ),
  'upstream.cancelSignIn': command('Give up a sign-in that is under way', upstream, done),
  'upstream.signOut': command(
    'End the sessions of a remote upstream, forget its tokens, and revoke them where the server offers it',
    upstream,
    done,
  ),
  'logs.get': command(
    'The stderr of a connection, live or recently ended',
    connection,
    z.object({ lines: z.array(logLineSchema), droppedBytes: z.number() }),
  ),
  'request.send': command(
    'Send one request through the pool, as a client would',
    z.strictObject({
      upstream: z.string().min(1),
      method: z.string().min(1),
      params: z.record(z.string(), z.unknown()).optional(),
      timeoutMs: z.number().int().min(1).optional(),
    }),
    z.object({
      result: z.unknown().optional(),
      error: z.unknown().optional(),
      connectionId: z.string(),
      pid: z.number().nullable(),
      queueMs: z.number(),
      callMs: z.number(),
    }),
  ),
  'client.connect': command(
    'How to connect an MCP client, to one upstream or to all by one URL: header and ready snippets',
    upstream,
    z.object({
      url: z.string(),
      authorization: z.string().nullable(),
      snippets: snippetsSchema,
      /** All upstreams behind one URL, names of tools and prompts as `upstream__name`. */
      aggregate: z.object({ url: z.string(), snippets: snippetsSchema }),
    }),
  ),
  'demo.traffic': command(
    'Switch gentle traffic to the demo upstream on or off',
    z.strictObject({ on: z.boolean() }),
    done,
  ),
} as const

export type Commands = typeof commands
export type CommandName = keyof Commands
export type CommandArg<N extends CommandName> = z.input<Commands[N]['arg']>
export type CommandResult<N extends CommandName> = z.output<Commands[N]['result']>
export const commandNames = Object.keys(commands) as CommandName[]
export const isCommandName = (name: string): name is CommandName => Object.hasOwn(commands, name)
