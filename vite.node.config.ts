import { resolve } from 'node:path'
import { defineConfig, type EnvironmentOptions } from 'vite'

const root = import.meta.dirname

/**
 * Programs that run on plain Node, with everything bundled. Environments and not several inputs of one: shared chunks
 * would tie the demo server, which any Node starts, to the rest.
 *
 * @param chunks folder for what a command loads only when it needs it; absent: one self-contained file
 */
const program = (entry: string, target: string, chunks?: string): EnvironmentOptions => ({
  consumer: 'server',
  // CommonJS packages name their own place this way.
  define: {
    __filename: 'import.meta.filename',
    __dirname: 'import.meta.dirname',
    // Without the checks that development and tests add to the pool.
    'process.env.NODE_ENV': JSON.stringify('production'),
  },
  resolve: { noExternal: true, conditions: ['node', 'import', 'module', 'default'] },
  build: {
    ssr: resolve(root, entry),
    outDir: resolve(root, 'out/cli'),
    emptyOutDir: false,
    target,
    minify: false,
    rolldownOptions: {
      output: chunks
        ? { entryFileNames: '[name].js', chunkFileNames: `${chunks}/[name].js` }
        : { entryFileNames: '[name].js', codeSplitting: false },
    },
  },
})

/** The demo server and the watchdog run on the user's own Node, the command line on what package.json asks for. */
const programs = {
  cli: program('electron/cli.ts', 'node22', 'commands'),
  watchdog: program('electron/process/watchdog.ts', 'node20'),
  demo: program('electron/demo-server.ts', 'node20'),
}

export default defineConfig({
  publicDir: false,
  environments: programs,
  builder: {
    // Vite's own way would also build a client from an index.html.
    async buildApp(builder) {
      const environments = Object.values(builder.environments).filter(({ name }) => Object.hasOwn(programs, name))
      await Promise.all(environments.map((environment) => builder.build(environment)))
    },
  },
})
