import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Protocol } from '../../../node_modules/playwright-core/types/protocol.d.ts'
import { applyPermissions } from './desktop.ts'
import { ipcMain, toWire } from './ipc.ts'
import { fromChromium, respond, toChromium } from './protocol.ts'
import { cancellable, chromium } from './runtime.ts'

const pageScript = readFileSync(new URL('../page.js', import.meta.url), 'utf8')
const preloadWorld = 'preload'

export interface WebContentsOptions {
  width?: number
  height?: number
  webPreferences?: { preload?: string }
}

type FromPage =
  | { type: 'invoke'; id: number; channel: string; args: unknown[] }
  | { type: 'send'; channel: string; args: unknown[] }
type WindowOpenHandler = (details: { url: string }) => { action: 'allow' | 'deny' }

let ids = 0

export class WebContents extends EventEmitter {
  readonly id = ++ids
  targetId = ''
  #session = ''
  #url = ''
  #mainFrameId = ''
  #context: number | undefined
  #destroyed = false
  /** Loads that loadURL asked for: these are not the page's own navigations. */
  #ownLoads = new Set<string>()
  #loaded = new Set<string>()
  #openHandler: WindowOpenHandler = () => ({ action: 'allow' })
  readonly #requestClose: () => void
  /** One object for the life of the page, as WebFrameMain is. */
  readonly mainFrame: { readonly url: string; readonly origin: string; readonly parent: null }

  constructor(requestClose: () => void) {
    super()
    this.#requestClose = requestClose
    const url = () => this.#url
    this.mainFrame = {
      get url() {
        return url()
      },
      get origin() {
        return /^[a-z+.-]+:\/\/[^/]*/.exec(url())?.[0] ?? 'null'
      },
      parent: null,
    }
  }

  #send<M extends keyof Protocol.CommandParameters>(method: M, params?: Protocol.CommandParameters[M]) {
    return chromium().cdp.send(method, params, this.#session)
  }

  #on<E extends keyof Protocol.Events>(event: E, listener: (params: Protocol.Events[E]) => void) {
    chromium().cdp.on(this.#session, event, listener)
  }

  async attach(options: WebContentsOptions): Promise<void> {
    const { cdp } = chromium()
    const size = { width: options.width ?? 800, height: options.height ?? 600 }
    this.targetId = (await cdp.send('Target.createTarget', { url: 'about:blank', ...size })).targetId
    this.#session = (await cdp.send('Target.attachToTarget', { targetId: this.targetId, flatten: true })).sessionId
    this.#listen()
    await this.#send('Page.enable')
    this.#mainFrameId = (await this.#send('Page.getFrameTree')).frameTree.frame.id
    await this.#send('Page.setLifecycleEventsEnabled', { enabled: true })
    await this.#send('Inspector.enable')
    await this.#send('Runtime.enable')
    await this.#send('Runtime.addBinding', { name: '__toStandin', executionContextName: preloadWorld })
    await this.#send('Fetch.enable', {
      patterns: [{ urlPattern: 'https://*.standin/*' }, { urlPattern: '*', resourceType: 'Document' }],
    })
    await applyPermissions(cdp)
    if (options.webPreferences?.preload) await this.#installPreload(options.webPreferences.preload)
  }

  async #installPreload(file: string) {
    const { versions, platform, arch } = process
    const info = JSON.stringify({ versions, platform, arch, env: {} })
    const inTopPage = (source: string) =>
      `if (window === window.top && location.protocol !== 'about:') {${pageScript}\n${source}\n}`
    await this.#send('Page.addScriptToEvaluateOnNewDocument', { source: inTopPage(`bridge('main', 'preload')`) })
    await this.#send('Page.addScriptToEvaluateOnNewDocument', {
      worldName: preloadWorld,
      source: inTopPage(`(({ require, process }) => {${readFileSync(file, 'utf8')}\n})(preloadScope(${info}))`),
    })
  }

  #listen() {
    this.#on('Runtime.executionContextCreated', ({ context }) => {
      if (context.name === preloadWorld) this.#context = context.id
    })
    this.#on('Runtime.executionContextsCleared', () => {
      this.#context = undefined
    })
    this.#on('Runtime.bindingCalled', ({ name, payload }) => {
      if (name === '__toStandin') void this.#fromPage(JSON.parse(payload) as FromPage)
    })
    this.#on('Runtime.exceptionThrown', ({ exceptionDetails }) => {
      process.stderr.write(`[page] ${exceptionDetails.exception?.description ?? exceptionDetails.text}\n`)
    })
    this.#on('Page.frameStartedNavigating', ({ frameId, url, navigationType }) => {
      const isSameDocument = /sameDocument/i.test(navigationType)
      const details = { url: fromChromium(url), isMainFrame: frameId === this.#mainFrameId, isSameDocument }
      this.emit('did-start-navigation', cancellable(details))
    })
    this.#on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId) return
      this.#url = fromChromium(frame.url)
      this.emit('did-navigate', cancellable(), this.#url)
    })
    this.#on('Page.domContentEventFired', () => this.emit('dom-ready'))
    this.#on('Page.lifecycleEvent', ({ name, frameId, loaderId }) => {
      if (name !== 'load' || frameId !== this.#mainFrameId || !this.#url || this.#url === 'about:blank') return
      this.#loaded.add(loaderId)
      this.emit('did-finish-load')
    })
    this.#on('Page.windowOpen', ({ url }) => {
      if (this.#openHandler({ url: fromChromium(url) }).action !== 'deny')
        process.stderr.write(`[standin] a second window for ${url} is allowed, but can't be opened here\n`)
    })
    this.#on('Inspector.targetCrashed', () =>
      this.emit('render-process-gone', cancellable(), { reason: 'crashed', exitCode: 1 }),
    )
    this.#on('Fetch.requestPaused', (paused) => void this.#answer(paused).catch(() => {})) // the page may be gone by now
  }

  async #answer({ requestId, request, resourceType, frameId }: Protocol.Fetch.requestPausedPayload) {
    const url = fromChromium(request.url)
    if (resourceType === 'Document' && frameId === this.#mainFrameId && !this.#ownLoads.delete(url)) {
      const event = cancellable({ url })
      if (url !== this.#url) this.emit('will-navigate', event, url)
      if (event.defaultPrevented) return this.#send('Fetch.failRequest', { requestId, errorReason: 'Aborted' })
    }
    if (url === request.url) return this.#send('Fetch.continueRequest', { requestId })
    return this.#send('Fetch.fulfillRequest', { requestId, ...(await respond(request)) })
  }

  async #fromPage(message: FromPage) {
    const event = { sender: this, senderFrame: this.mainFrame, frameId: 1, processId: this.id, ports: [] }
    if (message.type === 'send') {
      ipcMain.emit(message.channel, event, ...message.args)
      return
    }
    const { id, channel } = message
    try {
      const handler = ipcMain.handlers.get(channel)
      if (!handler) throw new Error(`No handler registered for '${channel}'`)
      this.#deliver({ type: 'reply', id, value: await handler(event, ...message.args) })
    } catch (error) {
      this.#deliver({ type: 'reply', id, error: `Error invoking remote method '${channel}': ${error}` })
    }
  }

  #deliver(message: object) {
    const expression = `__fromStandin(${toWire(message)})`
    if (this.#context === undefined) return
    // The page may navigate away at any moment; Electron drops such messages too.
    this.#send('Runtime.evaluate', { expression, contextId: this.#context }).catch(() => {})
  }

  async load(url: string): Promise<void> {
    this.#ownLoads.add(url.replace(/#.*/, ''))
    const { loaderId, errorText } = await this.#send('Page.navigate', { url: toChromium(url) })
    if (errorText) throw new Error(`${errorText} loading '${url}'`)
    while (loaderId && !this.#loaded.has(loaderId))
      await new Promise<void>((resolve) => this.once('did-finish-load', () => resolve()))
    this.#loaded.clear()
  }

  send(channel: string, ...args: unknown[]) {
    if (this.#destroyed) throw new TypeError('Object has been destroyed')
    this.#deliver({ type: 'event', channel, args })
  }

  getURL = () => this.#url
  isDestroyed = () => this.#destroyed
  setWindowOpenHandler = (handler: WindowOpenHandler) => {
    this.#openHandler = handler
  }
  reload = () => void this.#send('Page.reload')
  close = () => this.#requestClose()

  destroy() {
    this.#destroyed = true
    this.emit('destroyed')
    chromium()
      .cdp.send('Target.closeTarget', { targetId: this.targetId })
      .catch(() => {}) // Chromium may be gone already
  }
}
