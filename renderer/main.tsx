import './styles.css'
import { config } from 'zod'

/**
 * Zod compiles fast parsers with `new Function`, which the Content-Security-Policy forbids; it falls back, but the attempt
 * is reported as a violation. It decides when a schema is made, and the contract makes schemas when it is loaded, hence
 * the import that waits until this is set. (As a static import it would run first, in whatever chunk the bundler put it.)
 */
config({ jitless: true })

const { start } = await import('./app/start.tsx')
start()
