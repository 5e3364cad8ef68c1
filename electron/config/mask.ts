/** Names of environment variables, flags and headers whose values are secrets. */
const secretName = /(key|token|secret|passw|credential|auth|cookie|session|private|bearer|dsn|connection.?string)/i
const mask = '••••'

/** A command line for people to read: what looks like a secret is masked. */
export function maskArguments(args: readonly string[]): string[] {
  return args.map((argument, i) => {
    const inline = /^(--?[^=\s]+)=(.+)$/.exec(argument)
    if (inline?.[1] && secretName.test(inline[1])) return `${inline[1]}=${mask}`
    const before = args[i - 1]
    if (before?.startsWith('-') && !before.includes('=') && secretName.test(before) && !argument.startsWith('-'))
      return mask
    return maskUrl(argument)
  })
}

/** Passwords and token-like query values in a URL are masked; what is no URL comes back as it is. */
export function maskUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return text
  const url = new URL(text)
  let touched = false
  if (url.password) {
    url.password = mask
    touched = true
  }
  for (const name of new Set(url.searchParams.keys())) {
    if (!secretName.test(name)) continue
    url.searchParams.set(name, mask)
    touched = true
  }
  return touched ? url.href.replaceAll(encodeURIComponent(mask), mask) : text
}

/** What an upstream runs or reaches, in one line. */
export function describeTarget(target: {
  transport: string
  command?: string
  args?: readonly string[]
  url?: string
}): string {
  if (target.transport !== 'stdio') return maskUrl(target.url ?? '')
  const quote = (word: string) => (/^[\w@%+=:,./•\\${}-]+$/.test(word) ? word : JSON.stringify(word))
  return [target.command ?? '', ...maskArguments(target.args ?? [])].map(quote).join(' ')
}
