import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** What the build reads. Tests and docs are not among it: changing them builds nothing. */
const sourceFolders = ['shared', 'electron', 'renderer']
const sourceFiles = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'electron.vite.config.ts',
  'vite.node.config.ts',
]

/** Hash of names and contents. Times would lie after a checkout, and reading all of it takes some ten milliseconds. */
function hashSources(root) {
  const files = sourceFolders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name))),
  )
  const hash = createHash('sha256')
  for (const file of [...files, ...sourceFiles].sort()) {
    const content = readFileSync(join(root, file))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** @returns whether the program ended well; what it says goes to stderr, for stdout belongs to the ready line */
function run(node, root, args) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { cwd: root, stdio: ['ignore', 2, 2] })
    child.once('error', () => resolve(false))
    child.once('exit', (code) => resolve(code === 0))
  })
}

/**
 * Builds out/ if its stamp does not tell the present sources, or in any case when forced.
 *
 * @param {{ root: string, node: string, force?: boolean }} options `node` runs the build tools
 * @returns {Promise<boolean>} false when the build failed; the tools have said why on stderr
 */
export async function build({ root, node, force = false }) {
  const stampFile = join(root, 'out/sources.sha256')
  const sources = hashSources(root) // before the build: what changes meanwhile is built next time
  const isFresh = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === sources
  if (isFresh && !force) return true
  const started = Date.now()
  process.stderr.write('Building …')
  rmSync(stampFile, { force: true })
  const tool = (name) => join(root, 'node_modules', name)
  const quiet = ['--logLevel', 'warn']
  const results = await Promise.all([
    run(node, root, [tool('electron-vite/bin/electron-vite.js'), 'build', '-c', 'electron.vite.config.ts', ...quiet]),
    run(node, root, [tool('vite/bin/vite.js'), 'build', '--app', '-c', 'vite.node.config.ts', ...quiet]),
  ])
  const ok = results.every(Boolean)
  process.stderr.write(ok ? ` done in ${((Date.now() - started) / 1000).toFixed(1)} s\n` : ' failed\n')
  if (!ok) return false
  mkdirSync(join(root, 'out'), { recursive: true })
  writeFileSync(stampFile, sources)
  return true
}
