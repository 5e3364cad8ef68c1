import type { CommandResult } from '../../shared/contract.ts'

/** What starts `poolscope bridge`; the name of the upstream comes last. Absolute: clients of the desktop know no PATH. */
export interface BridgeCommand {
  command: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
}

type Connect = CommandResult<'client.connect'>

/** What clients call all upstreams together. */
const aggregateName = 'poolscope'

/** How to connect an MCP client through the gateway, ready to paste: to one upstream, or to all of them by one URL. */
export function connectInfo(
  name: string,
  { url, aggregateUrl }: { url: string; aggregateUrl: string },
  token: string | null,
  bridge?: BridgeCommand,
): Connect {
  const authorization = token === null ? null : `Bearer ${token}`
  return {
    url,
    authorization,
    snippets: snippetsFor(name, url, authorization, bridge),
    aggregate: { url: aggregateUrl, snippets: snippetsFor(aggregateName, aggregateUrl, authorization) },
  }
}

function snippetsFor(
  name: string,
  url: string,
  authorization: string | null,
  bridge?: BridgeCommand,
): Connect['snippets'] {
  const entry = authorization === null ? { url } : { url, headers: { Authorization: authorization } }
  const json = (value: unknown) => JSON.stringify(value, null, 2)
  const shellName = /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`
  const header = authorization === null ? '' : ` --header "Authorization: ${authorization}"`
  const curlHeader = authorization === null ? '' : ` -H 'Authorization: ${authorization}'`
  const initialize = json({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'curl', version: '1' } },
  }).replaceAll(/\s*\n\s*/g, ' ')
  return [
    { client: 'Claude Code', text: `claude mcp add --transport http ${shellName} ${url}${header}` },
    ...(bridge ? [{ client: 'Claude Desktop', text: json({ mcpServers: { [name]: stdioEntry(bridge, name) } }) }] : []),
    { client: 'Cursor', text: json({ mcpServers: { [name]: entry } }) },
    { client: 'VS Code', text: json({ servers: { [name]: { type: 'http', ...entry } } }) },
    {
      client: 'curl',
      text: `curl -i ${url} -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream'${curlHeader} -d '${initialize}'`,
    },
  ]
}

/** For clients that take only stdio: the token stays in the user-data folder, and the port may change. */
const stdioEntry = ({ command, args, env }: BridgeCommand, name: string) => ({
  command,
  args: [...args, name],
  ...(Object.keys(env).length > 0 && { env }),
})
