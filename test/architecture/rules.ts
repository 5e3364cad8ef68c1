import { isBuiltin } from 'node:module'
import { computed, type Import } from './imports.ts'

/**
 * DESIGN, "Rooms": shared <- kit <- {pool, process, config, auth, telemetry} <- upstream <- {gateway, bench, bridge} <- host <-
 * {shell, cli}. A room may use itself and the rooms of lower rank; rooms of the same rank don't know each other.
 */
const ranks: Record<string, number> = {
  shared: 0,
  'electron/kit': 1,
  'electron/pool': 2,
  'electron/process': 2,
  'electron/config': 2,
  'electron/auth': 2,
  'electron/telemetry': 2,
  'electron/upstream': 3,
  'electron/gateway': 4,
  'electron/bench': 4,
  'electron/bridge': 4,
  'electron/host': 5,
  'electron/shell': 6,
  'electron/cli.ts': 6,
}

/** Programs of their own: they use no room, and no room uses them. */
const alone = ['electron/demo-server.ts', 'electron/start.mjs', 'electron/start', 'renderer']

const rooms = [...Object.keys(ranks), ...alone]
const roomOf = (path: string) => rooms.find((room) => path === room || path.startsWith(`${room}/`))

/** @returns what is wrong with an import, or undefined */
export function violation({ file, target, isPackage, isTypeOnly }: Import): string | undefined {
  const from = roomOf(file)
  if (from === undefined) return `${file} is in no room of the design`
  const complaint = (why: string) => `${file} imports ${target}: ${why}`
  if (target === computed) {
    // The start imports what it has just built.
    return from === 'electron/start.mjs' ? undefined : complaint('what is computed at run time nobody can check')
  }
  if (isPackage) {
    const name = target.replace(/^((?:@[^/]+\/)?[^/]+).*/, '$1')
    if (name === 'electron' && from !== 'electron/shell') return complaint('only electron/shell knows Electron')
    if (from === 'shared' && name !== 'zod') return complaint('shared imports nothing but zod')
    if (from === 'renderer' && isBuiltin(target)) return complaint('the renderer runs in a page')
    if (from === 'electron/start' || from === 'electron/start.mjs')
      return isBuiltin(target) ? undefined : complaint('the start comes before any install is sure')
    return undefined
  }
  if (target === 'package.json') return undefined // the product's own name and version
  const to = roomOf(target)
  if (to === undefined) return complaint('it is in no room of the design')
  if (to === from || (from === 'electron/start.mjs' && to === 'electron/start')) return undefined
  if (from === 'renderer') return to === 'shared' ? undefined : complaint('the renderer imports only shared')
  // Types of a seam: erased at build, they tie nothing at run time.
  if (isTypeOnly && target.endsWith('/types.ts')) return undefined
  const ranked = ranks[from] !== undefined && ranks[to] !== undefined
  if (ranked && Number(ranks[to]) < Number(ranks[from])) return undefined
  return complaint(`${from} may not use ${to}`)
}
