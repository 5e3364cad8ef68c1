import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** About 110 MB; a network that is slower than this, or swallows packets, must not hold the start up any longer. */
const fetchTimeoutMs = 120_000
/** After a failure the next starts don't try again for so long. */
const failureKeptMs = 24 * 3_600_000

/**
 * Where the Electron runtime is, or why there can be no window.
 * @typedef {{ executable: string } | { why: string }} Runtime
 */

/**
 * Looks for a runtime, and fetches it once if there is none. `require('electron')` is never used to look: it downloads.
 *
 * @param {{ root: string, node: string }} options
 * @returns {Runtime}
 */
export function findRuntime({ root, node }) {
  const packageFolder = join(root, 'node_modules/electron')
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  const why = override ? undefined : noWindowHere()
  if (why) return { why }
  if (!existsSync(packageFolder)) return { why: 'the electron package is not installed' }
  const executable = installed(packageFolder, override)
  if (executable) return { executable }
  const failure = fetchRuntime({ root, node, packageFolder })
  const fetched = installed(packageFolder, override)
  return fetched ? { executable: fetched } : { why: `the Electron runtime can't be fetched (${failure})` }
}

function noWindowHere() {
  if (process.platform !== 'linux') return undefined
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return 'no display (DISPLAY and WAYLAND_DISPLAY are unset)'
  if (process.getuid?.() === 0) return "running as root, for whom Chromium's sandbox does not work"
  return undefined
}

function installed(packageFolder, override) {
  const pathFile = join(packageFolder, 'path.txt')
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8') : undefined
  const executable = override ? join(override, name ?? 'electron') : name && join(packageFolder, 'dist', name)
  return executable && existsSync(executable) ? executable : undefined
}

/** @returns why it failed, remembered from an earlier start where that is recent; '' when it did not */
function fetchRuntime({ root, node, packageFolder }) {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
  const memory = join(root, 'node_modules/.cache/poolscope/electron-fetch.json')
  const remembered = readFailure(memory)
  if (remembered?.version === version && Date.now() - remembered.at < failureKeptMs)
    return `${remembered.reason}; next attempt after ${new Date(remembered.at + failureKeptMs).toISOString().slice(0, 16)}Z`
  process.stderr.write(`Fetching the Electron ${version} runtime, once …\n`)
  const result = spawnSync(node, [join(packageFolder, 'install.js')], { timeout: fetchTimeoutMs, encoding: 'utf8' })
  if (result.status === 0) return ''
  const timedOut = result.error?.code === 'ETIMEDOUT'
  const reason = timedOut
    ? `nothing after ${fetchTimeoutMs / 1000} s`
    : firstLine(result.stderr) || `exit code ${result.status}`
  mkdirSync(dirname(memory), { recursive: true })
  writeFileSync(memory, JSON.stringify({ version, at: Date.now(), reason }))
  return reason
}

function readFailure(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined // no failure yet, or half a file: try
  }
}

const firstLine = (text) => (text ?? '').trim().split('\n', 1)[0].slice(0, 200)
