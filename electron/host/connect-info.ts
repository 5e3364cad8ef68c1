import type { CommandResult } from '../../shared/contract.ts'

/** How to connect an MCP client to one upstream through the gateway, ready to paste. */
export function connectInfo(name: string, url: string, token: string | null): CommandResult<'client.connect'> {
  const headers = token === null ? undefined : { Authorization: `Bearer ${token}` }
  const entry = headers ? { url, headers } : { url }
  const json = (value: unknown) => JSON.stringify(value, null, 2)
  const shellName = /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`
  const header = headers ? ` --header "Authorization: ${headers.Authorization}"` : ''
  const curlHeader = headers ? ` -H 'Authorization: ${headers.Authorization}'` : ''
  const initialize = json({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'curl', version: '1' } },
  }).replaceAll(/\s*\n\s*/g, ' ')
  return {
    url,
    authorization: headers?.Authorization ?? null,
    snippets: [
      { client: 'Claude Code', text: `claude mcp add --transport http ${shellName} ${url}${header}` },
      { client: 'Cursor', text: json({ mcpServers: { [name]: entry } }) },
      { client: 'VS Code', text: json({ servers: { [name]: { type: 'http', ...entry } } }) },
      {
        client: 'curl',
        text: `curl -i ${url} -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream'${curlHeader} -d '${initialize}'`,
      },
    ],
  }
}
