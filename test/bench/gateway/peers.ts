import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** What others put between HTTP and stdio. Exact, so that two runs measure the same. */
const peers = { 'mcp-proxy': '6.7.19', supergateway: '4.0.0' } as const

export interface Peers {
  mcpProxy: string
  supergateway: string
}

const installTimeoutMs = 180_000

/**
 * Installs them, once, into a folder of their own: they are a hundred megabytes that no user and no test needs.
 * @returns the programs, or why there are none
 */
export function installPeers(): Peers | { why: string } {
  const dir = resolve(import.meta.dirname, '../../../node_modules/.cache/poolscope/bench-peers')
  const found: Peers = {
    mcpProxy: join(dir, 'node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs'),
    supergateway: join(dir, 'node_modules/supergateway/dist/index.js'),
  }
  const manifest = JSON.stringify({ private: true, dependencies: peers })
  const stamp = join(dir, `installed-${Object.values(peers).join('-')}`)
  if (existsSync(stamp)) return found
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'package.json'), manifest)
  process.stderr.write('Installing the peers, once …\n')
  const npm = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], {
    cwd: dir,
    timeout: installTimeoutMs,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) return { why: npm.error?.message ?? npm.stderr.trim().split('\n').at(-1) ?? 'npm failed' }
  writeFileSync(stamp, '')
  return found
}
