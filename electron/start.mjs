// What `npm start`, `npm run serve` and `npm run build` run. Plain JavaScript for Node 20: it comes before any build, and
// may run on a Node that is older than what the rest needs.
//
//   start.mjs [options]          build if sources changed; open the window, or serve where there can be none
//   start.mjs serve [options]    build if sources changed; serve
//   start.mjs build [--force]    build if sources changed, or in any case
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './start/build.mjs'
import { findRuntime } from './start/runtime.mjs'

const parentCheckMs = 500

const root = resolve(import.meta.dirname, '..')
const cli = join(root, 'out/cli/cli.js')
const [mode, args] = splitMode(process.argv.slice(2))
const node = suitableNode()

endWithParent()

if (!node) {
  console.error(`poolscope: Node 22.12 or newer is needed; this is ${process.version}`)
  process.exitCode = 2
} else if (!(await build({ root, node, force: mode === 'build' && args.includes('--force') }))) {
  process.exitCode = 1
} else if (mode === 'serve') {
  await serve(args)
} else if (mode === 'open') {
  await open(args)
}

function splitMode([first, ...rest]) {
  return first === 'serve' || first === 'build' ? [first, rest] : ['open', first === undefined ? [] : [first, ...rest]]
}

/** This Node, or on an older one the Node that came as an optional dependency. */
function suitableNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 12)) return process.execPath
  const shipped = join(root, 'node_modules/.bin/node')
  return existsSync(shipped) ? shipped : undefined
}

/**
 * Npm passes a signal to the shell that it runs scripts in, and that shell ends without telling us. So that nobody is
 * left serving behind it, losing the parent counts as a SIGTERM.
 */
function endWithParent() {
  const parent = process.ppid
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, parentCheckMs).unref()
}

/** In this process where it can be: then there is nobody between a signal and the host. */
async function serve(options) {
  if (node === process.execPath) {
    process.argv = [node, cli, 'serve', ...options]
    await import(pathToFileURL(cli).href)
  } else {
    const { code, signal } = await run(node, [cli, 'serve', ...options])
    process.exitCode = exitCode(code, signal)
  }
}

async function open(options) {
  const runtime = findRuntime({ root, node })
  if ('why' in runtime) return serveInstead(runtime.why, options)
  const started = Date.now()
  const { code, signal, forwarded } = await run(runtime.executable, [root, ...joinValues(options)])
  const atOnce = Date.now() - started < 10_000 && !forwarded
  const broken = code === 127 || code === 1 || ['SIGTRAP', 'SIGABRT', 'SIGILL', 'SIGSEGV'].includes(signal)
  // A missing library, no sandbox for this user, a display that refuses: Electron ends before the app has begun.
  if (atOnce && broken) return serveInstead(`Electron can't start here (${signal ?? `exit code ${code}`})`, options)
  process.exitCode = exitCode(code, signal)
}

async function serveInstead(why, options) {
  console.error(`No window: ${why}. Serving to a browser instead.`)
  await serve(options)
}

/** Chromium reads `--name value` as a switch without a value, and `value` as something else. */
function joinValues(options) {
  const joined = []
  for (const option of options) {
    const previous = joined.at(-1) ?? ''
    const takesValue = previous.startsWith('--') && !previous.includes('=') && !option.startsWith('-')
    if (takesValue) joined[joined.length - 1] = `${previous}=${option}`
    else joined.push(option)
  }
  return joined
}

/**
 * Runs a program in a process group of its own, so that a terminal's Ctrl-C reaches it through us alone, and not twice.
 * @returns how it ended, and whether a signal was passed on before
 */
function run(file, argv) {
  return new Promise((done) => {
    const child = spawn(file, argv, { stdio: 'inherit', detached: process.platform !== 'win32' })
    let forwarded = false
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(name, () => {
        forwarded = true
        child.kill(name)
      })
    child.once('error', () => done({ code: 127, signal: null, forwarded }))
    child.once('exit', (code, signal) => done({ code, signal, forwarded }))
  })
}

function exitCode(code, signal) {
  return code ?? 128 + (constants.signals[signal] ?? 0)
}
