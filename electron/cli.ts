import { resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { AppError } from '../shared/errors.ts'
import type { RunBridgeOptions } from './host/run-bridge.ts'
import type { ServeOptions } from './host/serve.ts'
import { holdYoungSpace } from './host/young-space.ts'

/** Bad options, an unusable config, a port in use: nothing was started. */
const usageExitCode = 2

function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('a port is a whole number from 0 to 65535 (0 picks a free one).')
  return value
}

const logLevelOption = () =>
  new Option('--log-level <level>', 'what goes to stderr').choices(['debug', 'info', 'warn', 'error']).default('info')

const program = new Command('poolscope')
  .description('Runs and watches pools of MCP servers behind one local gateway.')
  .version(packageJson.version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'poolscope: ')) })
  .showHelpAfterError(false)

program
  .command('serve', { isDefault: true })
  .description('run the host without a window; the dashboard is served to a browser')
  .option(
    '--config <file>',
    'config file (JSON with comments); default: config.json in the user-data folder, written at the first run',
  )
  .option('--port <number>', 'port of the gateway on 127.0.0.1; 0 picks a free one', port)
  .option('--user-data-dir <dir>', "folder for config, token, ledger; default: the platform's own place")
  .addOption(new Option('--auth <mode>', 'whether MCP clients need the token').choices(['none', 'bearer']))
  .addOption(logLevelOption())
  .allowExcessArguments(false)
  .action(async (options: Omit<ServeOptions, 'outDir' | 'version'>) => {
    holdYoungSpace()
    // Only what a command needs is run: a bridge is small, and there is one for each client.
    const { serve } = await import('./host/serve.ts')
    process.exitCode = await serve({
      ...options,
      outDir: resolve(import.meta.dirname, '..'),
      version: packageJson.version,
    })
  })

program
  .command('bridge')
  .description(
    'be an MCP server on stdin and stdout for a client that takes only such, and pass everything on to the gateway',
  )
  .argument('[upstream]', 'name of the upstream; default: all of them at once')
  .option('--user-data-dir <dir>', "folder of the host, with its address and token; default: the platform's own place")
  .option('--url <url>', 'address of the gateway, e.g. http://127.0.0.1:7411; default: where the host says it is')
  .addOption(
    new Option('--token <token>', 'token of the gateway; default: what the host has written').env('POOLSCOPE_TOKEN'),
  )
  .addOption(logLevelOption())
  .allowExcessArguments(false)
  .action(async (upstream: string | undefined, options: RunBridgeOptions) => {
    const { runBridge } = await import('./host/run-bridge.ts')
    process.exitCode = await runBridge(upstream, options)
  })

/** Without this, a word that is no command would be an argument too many of `serve`. */
function unknownCommand(): string | undefined {
  const [word] = process.argv.slice(2)
  const known = [...program.commands.map((command) => command.name()), 'help']
  return word === undefined || word.startsWith('-') || known.includes(word) ? undefined : word
}

try {
  const unknown = unknownCommand()
  if (unknown !== undefined)
    program.error(`error: unknown command '${unknown}' (see poolscope --help)`, { exitCode: usageExitCode })
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has written the message already; help and version are no failures.
    process.exitCode = error.exitCode === 0 ? 0 : usageExitCode
  } else if (error instanceof AppError) {
    console.error(`poolscope: ${error.message}`)
    process.exitCode = usageExitCode
  } else {
    console.error('poolscope: unexpected failure', error)
    process.exitCode = 1
  }
}
