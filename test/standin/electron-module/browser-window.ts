import { EventEmitter } from 'node:events'
import { app, openWindows } from './app.ts'
import { cancellable } from './runtime.ts'
import { WebContents, type WebContentsOptions } from './web-contents.ts'

interface Bounds {
  x: number
  y: number
  width: number
  height: number
}
interface BrowserWindowOptions extends WebContentsOptions, Partial<Bounds> {
  show?: boolean
}

const all = new Set<BrowserWindow>()
let ids = 0

export class BrowserWindow extends EventEmitter {
  static getAllWindows = () => [...all]
  static getFocusedWindow = () => [...all][0] ?? null
  static fromWebContents = (contents: WebContents) => [...all].find((window) => window.webContents === contents) ?? null

  readonly id = ++ids
  readonly webContents = new WebContents(() => this.close())
  readonly #attached: Promise<void>
  #visible: boolean
  #minimized = false
  #maximized = false
  #bounds: Bounds

  constructor(options: BrowserWindowOptions = {}) {
    super()
    this.#visible = options.show !== false
    this.#bounds = { x: options.x ?? 0, y: options.y ?? 0, width: options.width ?? 800, height: options.height ?? 600 }
    all.add(this)
    openWindows.add(this)
    app.emit('web-contents-created', cancellable(), this.webContents)
    this.#attached = this.webContents.attach(options)
    this.webContents.once('dom-ready', () => this.emit('ready-to-show'))
    queueMicrotask(() => app.emit('browser-window-created', cancellable(), this))
  }

  async loadURL(url: string): Promise<void> {
    await this.#attached
    await this.webContents.load(url)
  }

  close() {
    const event = cancellable()
    this.emit('close', event)
    if (!event.defaultPrevented) this.destroy()
  }

  destroy() {
    if (!all.delete(this)) return
    openWindows.delete(this)
    this.webContents.destroy()
    this.emit('closed')
    if (all.size === 0) app.lastWindowClosed()
  }

  isDestroyed = () => !all.has(this)
  show = () => {
    this.#visible = true
    this.emit('show')
  }
  hide = () => {
    this.#visible = false
    this.emit('hide')
  }
  isVisible = () => this.#visible
  minimize = () => {
    this.#minimized = true
    this.emit('minimize')
  }
  restore = () => {
    this.#minimized = false
    this.emit('restore')
  }
  isMinimized = () => this.#minimized
  maximize = () => {
    this.#maximized = true
    this.emit('maximize')
  }
  isMaximized = () => this.#maximized
  focus = () => void this.emit('focus')
  getBounds = () => ({ ...this.#bounds })
  getNormalBounds = () => ({ ...this.#bounds })
  setBounds = (bounds: Partial<Bounds>) => {
    this.#bounds = { ...this.#bounds, ...bounds }
    this.emit('resize')
  }
}

export const webContents = {
  getAllWebContents: () => [...all].map((window) => window.webContents),
  fromDevToolsTargetId: (id: string) => [...all].find((window) => window.webContents.targetId === id)?.webContents,
}
