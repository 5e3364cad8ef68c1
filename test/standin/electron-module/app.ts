import { EventEmitter } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { cancellable, runtime } from './runtime.ts'

/** The windows, as far as quitting needs them; browser-window.ts keeps the set. */
export const openWindows = new Set<{ close(): void }>()

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const tell = (socket: string, text: string) =>
  new Promise<void>((resolve) => {
    const client = createConnection(socket, () => client.end(text))
    client.on('close', () => resolve())
    client.on('error', () => {}) // the first instance is just going
  })

class App extends EventEmitter {
  readonly isPackaged = false
  readonly switches: string[] = []
  readonly commandLine = {
    appendSwitch: (name: string, value?: string) => void this.switches.push(value ? `--${name}=${value}` : `--${name}`),
  }
  #name: string | undefined
  #ready = false
  #userData: string | undefined
  #lockFile: string | undefined
  #firstInstanceTold: Promise<void> = Promise.resolve()
  #quitting = false
  #whenReady: Promise<void>
  #resolveReady: () => void = () => {}

  constructor() {
    super()
    this.#whenReady = new Promise((resolve) => {
      this.#resolveReady = resolve
    })
  }

  // Playwright's loader replaces these three, hence fields.
  whenReady = () => this.#whenReady
  isReady = () => this.#ready

  getName = () => this.#name ?? runtime.name
  setName = (name: string) => {
    this.#name = name
  }
  getVersion = () => runtime.version
  getAppPath = () => runtime.appPath
  setAppUserModelId = (_id: string) => {}
  enableSandbox = () => {}
  focus = () => {}

  setPath = (name: 'userData', path: string) => {
    if (name !== 'userData') throw new Error(`The stand-in can set only userData, not ${name}`)
    this.#userData = path
  }

  getPath = (name: 'userData' | 'home' | 'temp' | 'logs') => {
    if (name === 'home') return homedir()
    if (name === 'temp') return tmpdir()
    const userData = this.#userData ?? join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), this.getName())
    return name === 'logs' ? join(userData, 'logs') : userData
  }

  /** As Electron's: one process for each user-data folder; a second one tells the first and gets false. */
  requestSingleInstanceLock = () => {
    const folder = this.getPath('userData')
    mkdirSync(folder, { recursive: true })
    const lockFile = join(folder, 'SingletonLock')
    const socket = join(folder, 'SingletonSocket')
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
    } catch {
      const holder = Number(readFileSync(lockFile, 'utf8'))
      if (isAlive(holder)) {
        this.#firstInstanceTold = tell(socket, JSON.stringify([process.argv, process.cwd()]))
        return false
      }
      writeFileSync(lockFile, String(process.pid))
    }
    rmSync(socket, { force: true })
    this.#lockFile = lockFile
    const server = createServer((connection) => {
      let text = ''
      connection.on('data', (chunk) => {
        text += chunk
      })
      connection.on('end', () => this.emit('second-instance', cancellable(), ...(JSON.parse(text) as unknown[])))
    })
    server.listen(socket).unref()
    return true
  }

  quit = () => {
    const event = cancellable()
    this.emit('before-quit', event)
    if (event.defaultPrevented) return
    this.#quitting = true
    for (const window of [...openWindows]) window.close()
    this.#quitting = openWindows.size === 0
    if (!this.#quitting) return
    this.emit('will-quit', cancellable())
    this.exit(0)
  }

  exit = (code = 0) => {
    this.emit('quit', cancellable(), code)
    if (this.#lockFile) rmSync(this.#lockFile, { force: true })
    void Promise.all([runtime.chromium?.dispose(), this.#firstInstanceTold]).finally(() => process.exit(code))
  }

  /** Electron quits when the last window closes, unless somebody listens. */
  lastWindowClosed() {
    if (!this.#quitting && !this.emit('window-all-closed')) this.quit()
  }

  becomeReady() {
    this.#ready = true
    this.emit('will-finish-launching')
    this.emit('ready', cancellable(), {})
    this.#resolveReady()
  }
}

export const app = new App()
