import { readFileSync, writeFileSync } from 'node:fs'
import { withCommandTable } from './command-table.ts'

const file = new URL('../../README.md', import.meta.url)
writeFileSync(file, withCommandTable(readFileSync(file, 'utf8')))
