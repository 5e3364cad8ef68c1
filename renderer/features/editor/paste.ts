import { type ParseError, parse } from 'jsonc-parser'
import { upstreamNameSchema } from '../../../shared/config.ts'
import { readClaudeCommand } from './client-command.ts'
import { readCommandLine } from './command-line.ts'
import type { RawEntry } from './form.ts'

export interface PastedServer {
  /** As it stood there, or guessed from the command; empty when nothing fits. */
  name: string
  entry: RawEntry
}

export type Paste =
  | { kind: 'empty' }
  | { kind: 'servers'; from: 'json' | 'command' | 'url'; servers: PastedServer[] }
  | { kind: 'error'; message: string }

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isEntry = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) && (typeof value.command === 'string' || typeof value.url === 'string')

/**
 * Reads what a server's README offers: a client's config (`mcpServers`, `servers`, VS Code's `mcp.servers`), one server
 * out of such a file with or without its name, a URL, a command line, or a client's own command that adds one.
 */
export function readPaste(text: string): Paste {
  const trimmed = text.trim()
  if (trimmed === '') return { kind: 'empty' }
  if (/^https?:\/\/\S+$/.test(trimmed)) return readUrl(trimmed)
  return looksLikeJson(trimmed) ? readJson(trimmed) : readLine(trimmed)
}

/**
 * The name of a pasted server in the form: its own, or else the one that was typed.
 * @param inForm what stands there @param pastedBefore the name that an earlier paste filled in: it is that server's
 */
export const nameFor = ({ name }: PastedServer, inForm: string, pastedBefore: string): string =>
  name !== '' ? name : inForm === pastedBefore ? '' : inForm

const looksLikeJson = (text: string) => /^[{]|^\/[/*]|^"[^"\n]*"\s*:/.test(text)

function readUrl(url: string): Paste {
  if (!URL.canParse(url)) return { kind: 'error', message: 'This is no complete URL.' }
  return { kind: 'servers', from: 'url', servers: [{ name: guessUrlName(url), entry: { type: 'http', url } }] }
}

function readLine(text: string): Paste {
  const line = readCommandLine(text)
  if (!line.ok) return { kind: 'error', message: line.message }
  const { command, args, env } = line
  const added = readClaudeCommand([command, ...args])
  if (added) return { kind: 'servers', from: 'command', servers: [added] }
  const entry: Record<string, unknown> = { command }
  if (args.length > 0) entry.args = args
  if (Object.keys(env).length > 0) entry.env = env
  return { kind: 'servers', from: 'command', servers: [{ name: guessName(command, args), entry }] }
}

function readJson(text: string): Paste {
  const errors: ParseError[] = []
  // A server cut out of a file has lost the braces around it, and often keeps the comma after it.
  const whole = text.startsWith('"') ? `{${text}}` : text
  const root: unknown = parse(whole, errors, { allowTrailingComma: true })
  const [error] = errors
  if (error) {
    const line = whole.slice(0, error.offset).split('\n').length
    return { kind: 'error', message: `This is not complete JSON: something is wrong in line ${line}.` }
  }
  const servers = findServers(root)
  if (servers.length > 0) return { kind: 'servers', from: 'json', servers }
  return { kind: 'error', message: 'No server in this JSON: one has a "command" or a "url".' }
}

function findServers(root: unknown): PastedServer[] {
  if (isEntry(root)) {
    const name =
      root.command === undefined ? guessUrlName(text(root.url)) : guessName(text(root.command), list(root.args))
    return [{ name, entry: root }]
  }
  if (!isRecord(root)) return []
  for (const key of ['mcpServers', 'servers', 'mcp']) {
    const inner = root[key]
    if (isRecord(inner)) {
      const found = findServers(inner)
      if (found.length > 0) return found
    }
  }
  return Object.entries(root).flatMap(([name, entry]) => (isEntry(entry) ? [{ name, entry }] : []))
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')
const list = (value: unknown) => (Array.isArray(value) ? value.map(String) : [])

const runners = new Set(['npx', 'bunx', 'uvx', 'pipx', 'pnpm', 'yarn', 'npm', 'bun', 'uv', 'deno', 'docker', 'podman'])
const interpreters = new Set(['node', 'tsx', 'python', 'python3', 'ruby', 'java', 'bash', 'sh'])
const subcommands = new Set(['run', 'exec', 'dlx', 'x', 'tool', 'start'])
/** Options of these programs whose value stands in the next word. */
const withValue = new Set([
  '-e',
  '--env',
  '-v',
  '--volume',
  '--mount',
  '--network',
  '--name',
  '-p',
  '--package',
  '--from',
])

/** Parts of a path or a host that say what kind of thing stands there, and not whose. */
const generic = /^(mcp|sse|api|v\d+|server|servers|www|app|remote|public|http|stream|messages?|com?|org|net)$/i

/** `https://mcp.linear.app/sse` is `linear`; `https://example.com/github/mcp` is `github`. */
export function guessUrlName(text: string): string {
  const url = URL.parse(text)
  if (!url) return ''
  const path = url.pathname.split('/').filter((part) => part !== '' && !generic.test(part))
  // A number is no name, and of a name the last label is its top-level domain.
  const host = /^[\d.]+$|^\[|^localhost$/.test(url.hostname) ? [] : url.hostname.split('.').slice(0, -1)
  const labels = host.filter((label) => !generic.test(label))
  const guess = (path.at(-1) ?? labels.at(-1) ?? '').replace(
    /^(mcp-server-|server-|mcp-)|(-mcp-server|-mcp|-server)$/g,
    '',
  )
  return upstreamNameSchema.safeParse(guess).success ? guess : ''
}

/** `npx -y @modelcontextprotocol/server-github` is `github`; `node /srv/notes/dist/index.js` is `notes`. */
export function guessName(command: string, args: readonly string[]): string {
  const program = stem(command)
  const word = runners.has(program) || interpreters.has(program) ? (targetOf(args) ?? program) : command
  const path = word
    .replace(/[?#].*$/, '')
    .split(/[\\/]/)
    .filter((part) => part !== '')
  const named = path
    .map(stem)
    .filter((part) => !/^(index|main|server|cli|dist|build|out|src|bin|lib|mcp|sse|https?:)$/.test(part))
  const guess = (named.at(-1) ?? program)
    .replace(/^(mcp-server-|server-|mcp-)/, '')
    .replace(/(-mcp-server|-mcp|-server)$/, '')
  return upstreamNameSchema.safeParse(guess).success ? guess : ''
}

function targetOf(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? ''
    if (withValue.has(word)) i++
    else if (!word.startsWith('-') && !subcommands.has(word)) return word
  }
  return undefined
}

/** The last part of a path or package, without version, tag or file extension. */
const stem = (word: string) =>
  (word.split(/[\\/]/).at(-1) ?? word)
    .replace(/(?<=.)[@:][\w.^~-]*$/, '')
    .replace(/\.(exe|cmd|bat|[cm]?[jt]s|py|rb|jar|sh)$/i, '')
