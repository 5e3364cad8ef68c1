/**
 * The demo upstream: a small, persistent MCP server over stdio that is worth watching in a pool. It speaks both eras of MCP
 * and has tools that are quick, slow, failing and fatal. Started with the user's own Node (20 or newer), it ends when its stdin ends.
 */
import { McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const longestSleepMs = 600_000

const say = (line: string) => process.stderr.write(`${line}\n`)

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/** Resolves after `ms`, or rejects as soon as the request is cancelled. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(new Error('cancelled'))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

let calls = 0

/** Says each call on stderr, with how long it took. */
function told<A extends object, R>(name: string, run: (args: A, ctx: ServerContext) => R | Promise<R>) {
  return async (args: A, ctx: ServerContext): Promise<R> => {
    const number = ++calls
    const started = performance.now()
    say(`#${number} ${name} ${JSON.stringify(args).slice(0, 120)}`)
    try {
      return await run(args, ctx)
    } finally {
      say(`#${number} ${name} took ${Math.round(performance.now() - started)} ms`)
    }
  }
}

/** For either era: which one a process speaks is settled by the first request. */
function createServer(): McpServer {
  const server = new McpServer(
    { name: 'poolscope-demo', title: 'Poolscope demo', version: '1.0.0' },
    {
      capabilities: { logging: {} },
      instructions: 'A playground for connection pools: quick, slow, failing and crashing tools.',
    },
  )

  server.registerTool(
    'echo',
    {
      title: 'Echo',
      description: 'Answers at once with the text that it was given',
      inputSchema: z.object({ text: z.string() }),
      annotations: { readOnlyHint: true },
    },
    told('echo', ({ text: given }) => text(given)),
  )

  server.registerTool(
    'sleep',
    {
      title: 'Sleep',
      description: 'Answers after the given number of milliseconds',
      inputSchema: z.object({ ms: z.number().int().min(0).max(longestSleepMs) }),
      annotations: { readOnlyHint: true },
    },
    told('sleep', async ({ ms }, ctx) => {
      await pause(ms, ctx.mcpReq.signal)
      return text(`slept ${ms} ms`)
    }),
  )

  server.registerTool(
    'pid',
    {
      title: 'Process',
      description: 'Tells which process answers: its PID, how long it has run and how many calls it has taken',
      inputSchema: z.object({}),
      annotations: { readOnlyHint: true },
    },
    told('pid', () =>
      text(
        JSON.stringify({
          pid: process.pid,
          uptimeMs: Math.round(process.uptime() * 1000),
          calls,
          node: process.version,
        }),
      ),
    ),
  )

  server.registerTool(
    'fail',
    {
      title: 'Fail',
      description: 'Answers with a tool error; the process goes on',
      inputSchema: z.object({ message: z.string().optional() }),
    },
    told('fail', ({ message }) => ({ ...text(message ?? 'this tool fails on purpose'), isError: true })),
  )

  server.registerTool(
    'crash',
    {
      title: 'Crash',
      description: 'Ends the process in the middle of the call, so that one can watch the pool replace it',
      inputSchema: z.object({ code: z.number().int().min(0).max(255).optional() }),
      annotations: { destructiveHint: true },
    },
    told('crash', ({ code = 1 }) => {
      say(`crashing on demand with code ${code}`)
      process.exit(code)
    }),
  )

  server.registerTool(
    'work',
    {
      title: 'Work',
      description: 'Works in steps and reports progress and a log message for each',
      inputSchema: z.object({
        steps: z.number().int().min(1).max(1000),
        stepMs: z.number().int().min(0).max(longestSleepMs),
      }),
      annotations: { readOnlyHint: true },
    },
    told('work', async ({ steps, stepMs }, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken
      for (let step = 1; step <= steps; step++) {
        await pause(stepMs, ctx.mcpReq.signal)
        const message = `step ${step} of ${steps}`
        if (progressToken !== undefined) {
          await ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress: step, total: steps, message },
          })
        }
        await ctx.mcpReq.log('info', message, 'work')
      }
      return text(`${steps} steps done`)
    }),
  )

  return server
}

const transport = new StdioServerTransport()
// Sleeping tools must not keep a process that nobody can talk to any more.
process.stdin.on('end', () => process.exit(0))
serveStdio(createServer, { transport })
say(`demo server ready: pid ${process.pid}, Node ${process.version}`)
