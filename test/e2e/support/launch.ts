import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { _electron, type Browser, chromium, type ElectronApplication, type Page } from 'playwright-core'
import { findChromium } from '../../standin/chromium.ts'
import { makeFolder, type TestFolder } from './folder.ts'
import { root, serve } from './serve.ts'

/** The product with its dashboard open, in either of its two shells. */
export interface Launched {
  kind: 'desktop' | 'browser'
  page: Page
  folder: TestFolder
  /** The process that hosts the pool. */
  hostPid: number
  /** The main process, where there is one: as Playwright knows it, and as a process. */
  app?: ElectronApplication
  main?: ChildProcess
  /** What the page complained about: uncaught errors, violations of the CSP, console errors. */
  complaints: string[]
  /** Ends the host as a person would, or a service manager; resolves when it is gone. */
  quit(): Promise<void>
  /** Kills a browser's host with SIGKILL and starts it again, in the same place and on the same port. */
  killAndRestartHost?: (whileGone: () => Promise<void>) => Promise<void>
  /** Ends everything and removes the folder. */
  dispose(): Promise<void>
}

const windowSize = { width: 1280, height: 800 }

/** Electron itself where its runtime is, the stand-in elsewhere. */
function electronExecutable(): string {
  const packageFolder = join(root, 'node_modules/electron')
  const pathFile = join(packageFolder, 'path.txt')
  const real = existsSync(pathFile) ? join(packageFolder, 'dist', readFileSync(pathFile, 'utf8')) : undefined
  return real && existsSync(real) ? real : join(root, 'test/standin/electron')
}

/** What must be undone, in reverse order; one that fails keeps none of the others from being done. */
class Cleanups {
  readonly #steps: (() => unknown)[] = []

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  readonly run = async (): Promise<void> => {
    const errors: unknown[] = []
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'cleaning up failed')
  }
}

/** Runs a launch; what it has begun is undone when it fails in the middle. */
async function launching(launch: (cleanups: Cleanups) => Promise<Launched>): Promise<Launched> {
  const cleanups = new Cleanups()
  try {
    return await launch(cleanups)
  } catch (error) {
    await cleanups.run()
    throw error
  }
}

export const launchDesktop = (config?: string) =>
  launching(async (cleanups) => {
    const folder = makeFolder(config)
    cleanups.add(() => folder[Symbol.dispose]())
    const args = [root, `--user-data-dir=${folder.path}`, '--port=0']
    const app = await _electron.launch({ executablePath: electronExecutable(), args, cwd: root })
    const main = app.process() // now: Playwright forgets it when the app has ended
    let open = true
    app.on('close', () => {
      open = false
    })
    const quit = async () => {
      wake(main.pid ?? 0)
      if (open) await app.close()
    }
    cleanups.add(quit)
    const page = await app.firstWindow()
    return {
      kind: 'desktop',
      page,
      folder,
      app,
      main,
      hostPid: main.pid ?? 0,
      complaints: listenForComplaints(page),
      quit,
      dispose: cleanups.run,
    }
  })

export const launchBrowser = (config?: string) =>
  launching(async (cleanups) => {
    const folder = makeFolder(config)
    cleanups.add(() => folder[Symbol.dispose]())
    const port = await freePort() // the same one for the second life of the host
    const args = ['--user-data-dir', folder.path, '--port', String(port), '--log-level', 'warn']
    let serving = await serve(args)
    cleanups.add(() => {
      wake(serving.pid)
      return serving.end()
    })
    const browser = await launchChromium()
    cleanups.add(() => browser.close())
    const page = await browser.newPage({ viewport: windowSize })
    const complaints = listenForComplaints(page)
    await page.goto(serving.ready.dashboard)
    return {
      kind: 'browser',
      page,
      folder,
      complaints,
      get hostPid() {
        return serving.pid
      },
      quit: async () => void (await serving.end()),
      async killAndRestartHost(whileGone) {
        await serving.end('SIGKILL')
        await whileGone()
        serving = await serve(args)
      },
      dispose: cleanups.run,
    }
  })

/** In case a test failed while the host was stopped: a stopped process hears no other signal but SIGKILL. */
function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It has ended already.
  }
}

export async function launchChromium(): Promise<Browser> {
  if (process.platform !== 'linux') return chromium.launch({ channel: 'chrome' })
  const { executable, switches, env } = await findChromium()
  return chromium.launch({
    executablePath: executable,
    args: switches,
    chromiumSandbox: !switches.includes('--no-sandbox'),
    env,
  })
}

function listenForComplaints(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  return complaints
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
