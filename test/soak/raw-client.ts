import { type Connect, HttpFailure } from './clients.ts'

interface RpcAnswer {
  id?: number
  result?: { content?: { text?: string }[]; isError?: boolean }
  error?: { code: number; message: string; data?: unknown }
}

/** A client of fetch alone: no stream of its own, and who gives up drops the connection without a word. */
export const connectRaw: Connect = async (endpoint, token) => {
  let id = 0
  let session: string | null = null

  const post = async (message: object, signal?: AbortSignal): Promise<Response> => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        Authorization: `Bearer ${token}`,
        ...(session && { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': '2025-06-18' }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      ...(signal && { signal }),
    })
    session ??= response.headers.get('mcp-session-id')
    return response
  }
  const request = async (method: string, params: object = {}, signal?: AbortSignal) => {
    const own = ++id
    const response = await post({ id: own, method, params }, signal)
    const answer = answerIn(await response.text(), response, own)
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error)
    return answer.result ?? {}
  }

  await request('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'soak-raw', version: '1.0.0' },
  })
  await (await post({ method: 'notifications/initialized' })).text()
  return {
    call: async ({ name, arguments: args }, signal) => {
      const { content, isError } = await request('tools/call', { name, arguments: args }, signal)
      return { text: content?.[0]?.text ?? '', isError: isError === true }
    },
    list: () => request('tools/list'),
    ping: () => request('ping'),
    leave: async () => {
      const response = await fetch(endpoint, {
        method: 'DELETE',
        headers: { Authorization: `Bearer ${token}`, ...(session && { 'Mcp-Session-Id': session }) },
      })
      const text = await response.text()
      if (response.status !== 200) throw new HttpFailure(response.status, text)
    },
  }
}

/** The answer with this id, from a JSON body or from the events of a stream. */
function answerIn(text: string, response: Response, id: number): RpcAnswer {
  const streamed = response.headers.get('content-type')?.startsWith('text/event-stream')
  const bodies = streamed ? [...text.matchAll(/^data: (.+)$/gm)].map((match) => match[1] ?? '') : [text]
  for (const body of bodies) {
    const message = parse(body)
    if (message?.id === id || message?.error) return message
  }
  throw new HttpFailure(response.status, text)
}

function parse(body: string): RpcAnswer | undefined {
  try {
    return JSON.parse(body) as RpcAnswer
  } catch {
    return undefined
  }
}
