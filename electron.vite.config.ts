import { resolve } from 'node:path'
import { defineConfig } from 'electron-vite'
import { mergeConfig } from 'vite'
import rendererConfig from './renderer/vite.config.ts'

const root = import.meta.dirname

/** The desktop build: main, preload and the renderer that the browser gets too. The Node bundles: vite.node.config.ts. */
export default defineConfig({
  main: {
    build: {
      outDir: resolve(root, 'out/main'),
      externalizeDeps: false, // everything is bundled, so that the packaged app needs no node_modules
      rolldownOptions: { input: { index: resolve(root, 'electron/shell/main.ts') } },
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
  renderer: mergeConfig(rendererConfig, {
    build: { minify: true, rolldownOptions: { input: resolve(root, 'renderer/index.html') } },
  }),
})
