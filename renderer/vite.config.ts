import { resolve } from 'node:path'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Builds the renderer alone (`vite build -c renderer/vite.config.ts`); electron.vite.config.ts builds it with the shell. */
export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the same files work under app:// and under the host's HTTP server.
  base: './',
  plugins: [react(), tailwindcss()],
  build: {
    outDir: resolve(import.meta.dirname, '../out/renderer'),
    emptyOutDir: true,
    // Electron 45 and today's browsers; older targets would make Vite expand light-dark() and CSS nesting.
    target: ['chrome130', 'firefox128', 'safari18'],
    // Fonts and images stay files: the CSP allows no data: URLs.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
})
