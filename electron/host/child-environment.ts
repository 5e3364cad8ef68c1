/** Set by npm and by Electron for their own children; a server that is started through us must not see them. */
const foreign = /^(npm_|ELECTRON_|POOLSCOPE_|INIT_CWD$|NODE_OPTIONS$|VITEST)/

/**
 * The environment that every child starts from: the host's own, as a terminal would give it, without what npm and
 * Electron added, and without the folders that `npm run` put in front of PATH, so that `node` and `npx` are the user's own.
 */
export function childEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !foreign.test(name)) kept[name] = value
  }
  if (env.npm_lifecycle_event === undefined) return kept
  const pathName = Object.keys(kept).find((name) => name.toUpperCase() === 'PATH')
  if (!pathName) return kept
  const separator = process.platform === 'win32' ? ';' : ':'
  const added = /[\\/]node_modules[\\/](\.bin|npm[\\/].*node-gyp-bin|@npmcli[\\/]run-script[\\/].*node-gyp-bin)$/
  kept[pathName] = (kept[pathName] ?? '')
    .split(separator)
    .filter((folder) => !added.test(folder))
    .join(separator)
  return kept
}
