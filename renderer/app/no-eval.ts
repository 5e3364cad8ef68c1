import { config } from 'zod'

/**
 * Zod compiles fast parsers with `new Function`, which the Content-Security-Policy forbids; it would notice and fall back,
 * but the attempt is reported as a violation. Must be the first import of main.tsx: it is read as schemas are made.
 */
config({ jitless: true })
