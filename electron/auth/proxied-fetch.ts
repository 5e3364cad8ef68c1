import { EnvHttpProxyAgent, fetch, type RequestInit as UndiciRequestInit } from 'undici'

/** Always reached directly, whatever the environment says. */
const direct = ['localhost', '127.0.0.1', '::1']

/**
 * fetch through HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as the upstreams themselves are reached. A sign-in makes a handful of
 * requests in a month: no connection is kept.
 */
export async function proxiedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const inEnvironment = process.env.no_proxy ?? process.env.NO_PROXY
  const agent = new EnvHttpProxyAgent({ noProxy: [...(inEnvironment ? [inEnvironment] : []), ...direct].join(',') })
  try {
    const { headers, ...rest } = init ?? {}
    const response = await fetch(url, {
      ...(rest as UndiciRequestInit),
      headers: [...new Headers(headers)],
      dispatcher: agent,
    })
    // Made one of Node's own: the SDK asks for its class.
    return new Response(response.body as ReadableStream<Uint8Array> | null, {
      status: response.status,
      headers: [...response.headers],
    })
  } finally {
    // Waits for the body to be read, and ends the connection then.
    void agent.close()
  }
}
