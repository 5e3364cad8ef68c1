import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { app, protocol } from 'electron'
import { contentSecurityPolicy } from '../host/csp.ts'

/** Where the window's page lives. A scheme of our own: file:// would give every local file the same origin. */
export const appOrigin = 'app://poolscope'

/** While `electron-vite dev` runs, the page comes from its server. Never in a packaged app. */
export const devServerUrl = (): string | undefined => (app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL)

/** What the build makes; anything else is not served. */
const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}

/** Must run before the app is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ])
}

/** Serves the built renderer, read-only, from its own folder alone. */
export function setupScheme(rendererDir: string): void {
  protocol.handle('app', async (request) => {
    const { host, pathname } = new URL(request.url)
    const type = contentTypes[extname(pathname)]
    const file = normalize(join(rendererDir, decodeURIComponent(pathname)))
    if (host !== 'poolscope' || request.method !== 'GET' || !type || !file.startsWith(rendererDir + sep))
      return new Response('not found', { status: 404 })
    try {
      return new Response(new Uint8Array(await readFile(file)), {
        headers: {
          'Content-Type': type,
          'Content-Security-Policy': contentSecurityPolicy,
          'X-Content-Type-Options': 'nosniff',
        },
      })
    } catch {
      return new Response('not found', { status: 404 })
    }
  })
}
