/** Turns a plain Node process into something that a built main bundle takes for Electron. */
import { readFileSync } from 'node:fs'
import inspector from 'node:inspector'
import { createRequire, registerHooks } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const moduleUrl = new URL('./electron-module/index.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' || specifier.startsWith('electron/')
      ? { url: moduleUrl, shortCircuit: true }
      : next(specifier, context),
})

const [executable = 'electron', ...args] = process.argv.slice(2)
process.argv = [executable, ...args]
const preloaded: string[] = []
const switches: string[] = []
let appPath = process.cwd()
for (let at = 0; at < args.length; at++) {
  const arg = args[at] ?? ''
  if (arg === '-r' || arg === '--require') preloaded.push(args[++at] ?? '')
  else if (arg.startsWith('--inspect')) inspector.open(Number(arg.split('=')[1] ?? 9229), '127.0.0.1')
  else if (arg.startsWith('-')) switches.push(arg)
  else {
    appPath = resolve(arg)
    break
  }
}

// What identifies Electron to code that asks. execPath stays Node's own, as with ELECTRON_RUN_AS_NODE.
Object.assign(process, { type: 'browser', resourcesPath: join(appPath, 'out') })
Object.defineProperty(process, 'versions', {
  value: { ...process.versions, electron: '45.4.1', chrome: '153.0.0.0' },
})

const manifest = JSON.parse(readFileSync(join(appPath, 'package.json'), 'utf8')) as {
  name: string
  version: string
  main: string
}
const { start } = await import('./electron-module/start.ts')
for (const file of preloaded) createRequire(import.meta.url)(resolve(file))
await import(pathToFileURL(join(appPath, manifest.main)).href)
await start({
  name: manifest.name,
  version: manifest.version,
  appPath,
  announce: switches.some((name) => name.startsWith('--remote-debugging-port')),
})
