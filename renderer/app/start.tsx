import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { session } from '../store/live.ts'
import { App } from './app.tsx'
import { applyTheme } from './theme.ts'

/** Opens the session with the host and draws the window. */
export function start(): void {
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no #root')
  applyTheme()
  session.start()
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )
}
