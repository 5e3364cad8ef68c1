import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A user-data folder with a config of its own; removed with everything in it. */
export interface TestFolder extends Disposable {
  path: string
  configFile: string
}

/** Comments that a save must keep. */
export const configComment = '// chosen by hand: two are always ready'

/** A demo upstream that keeps two connections open, so that there is something to see and to kill from the start. */
export const demoConfig = `{
  "mcpServers": {
    "demo": {
      "command": "node",
      "args": ["\${POOLSCOPE_DEMO_SERVER}"],
      ${configComment}
      "pool": { "minIdle": 2, "maxConnections": 4 }
    }
  }
}
`

export function makeFolder(config?: string): TestFolder {
  const path = mkdtempSync(join(tmpdir(), 'poolscope-e2e-'))
  const configFile = join(path, 'config.json')
  if (config !== undefined) writeFileSync(configFile, config)
  // Chromium's helpers may still be writing their last into their profile.
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  return { path, configFile, [Symbol.dispose]: remove }
}
