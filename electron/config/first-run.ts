import { defaultPort } from '../../shared/config.ts'

/** The variable that stands for the demo server's file, so that a config keeps working when the product moves. */
export const demoServerVariable = 'POOLSCOPE_DEMO_SERVER'

/** What the first run writes into the user-data folder: one demo upstream, and how to go on. */
export const firstRunConfig = `// Poolscope's own config: JSON with comments. Servers are written as in Claude Desktop, Cursor and Claude Code.
{
  "gateway": { "port": ${defaultPort}, "auth": "bearer" },

  "mcpServers": {
    // A small MCP server that ships with Poolscope. Remove it when you have servers of your own.
    "demo": {
      "command": "node",
      "args": ["\${${demoServerVariable}}"],
      "pool": { "maxConnections": 4, "minIdle": 1 }
    }
  }
}
`

/** Whether an upstream runs the demo server: only that one gets demo traffic. */
export const runsDemoServer = (config: { transport: string; args?: readonly string[] }): boolean =>
  config.transport === 'stdio' && (config.args ?? []).some((argument) => argument.includes(demoServerVariable))
