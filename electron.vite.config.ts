import { resolve } from 'node:path'
import { defineConfig } from 'electron-vite'
import rendererConfig from './renderer/vite.config.ts'

const root = import.meta.dirname

/** The desktop build: main, preload and the renderer that the browser gets too. The Node bundles: vite.node.config.ts. */
export default defineConfig(({ command }) => ({
  main: {
    // Leaves out the checks that tests and development make after every step of a pool.
    define: command === 'build' ? { 'process.env.NODE_ENV': JSON.stringify('production') } : {},
    build: {
      outDir: resolve(root, 'out/main'),
      externalizeDeps: false, // everything is bundled, so that the packaged app needs no node_modules
      rolldownOptions: {
        input: { index: resolve(root, 'electron/shell/main.ts') },
        checks: { eval: false }, // hdr-histogram-js hides a require of zlib that way, for a function that is not used
      },
    },
  },
  preload: {
    build: {
      outDir: resolve(root, 'out/preload'),
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: resolve(root, 'electron/shell/preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' }, // what the sandbox can load
        // The preload uses the channel names of the contract and must not carry its schemas.
        treeshake: { moduleSideEffects: false },
      },
    },
  },
  renderer: {
    ...rendererConfig,
    // Said again, for electron-vite makes one file of all configs, and import.meta.dirname means this folder there.
    root: resolve(root, 'renderer'),
    build: {
      ...rendererConfig.build,
      outDir: resolve(root, 'out/renderer'),
      // One target, since electron-vite merges lists with its own; the browsers of the list all know ES2024.
      target: 'es2024',
      cssTarget: rendererConfig.build?.target ?? false,
      minify: true,
      rolldownOptions: { input: resolve(root, 'renderer/index.html') },
    },
  },
}))
