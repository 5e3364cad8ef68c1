import type { Protocol } from '../../../node_modules/playwright-core/types/protocol.d.ts'

type Handler = (request: Request) => Response | Promise<Response>
const handlers = new Map<string, Handler>()

/** The custom schemes of the app. `app://host/path` is served to Chromium as `https://host.app.standin/path`. */
export const protocol = {
  registerSchemesAsPrivileged: (_schemes: unknown) => {},
  handle: (scheme: string, handler: Handler) => void handlers.set(scheme, handler),
  unhandle: (scheme: string) => void handlers.delete(scheme),
  isProtocolHandled: (scheme: string) => handlers.has(scheme),
}

export function toChromium(url: string): string {
  const [, scheme = '', host, rest = ''] = /^([a-z][\w+.-]*):\/\/([^/]+)(.*)$/.exec(url) ?? []
  return handlers.has(scheme) ? `https://${host}.${scheme}.standin${rest || '/'}` : url
}

export const fromChromium = (url: string) => url.replace(/^https:\/\/([^/]+)\.([\w+-]+)\.standin/, '$2://$1')

/** Answers one paused request of a custom scheme. */
export async function respond(
  request: Protocol.Network.Request,
): Promise<Omit<Protocol.Fetch.fulfillRequestParameters, 'requestId'>> {
  const url = fromChromium(request.url)
  const handler = handlers.get(url.slice(0, url.indexOf(':')))
  if (!handler) return { responseCode: 404 }
  const body = request.postData
  try {
    const init = { method: request.method, headers: request.headers, ...(body === undefined ? {} : { body }) }
    const response = await handler(new Request(url, init))
    return {
      responseCode: response.status,
      responseHeaders: [...response.headers].map(([name, value]) => ({ name, value })),
      body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    }
  } catch (error) {
    return { responseCode: 500, body: Buffer.from(String(error)).toString('base64') }
  }
}
