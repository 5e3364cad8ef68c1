/** Names of environment variables, flags and headers whose values are secrets. */
const secretName = /(key|token|secret|passw|credential|auth|cookie|session|private|bearer|dsn|connection.?string)/i
/** What stands in place of a secret. */
export const mask = '••••'

/** Whether the value of a variable, flag, header or query of this name is likely to be a secret. */
export const isSecretName = (name: string): boolean => secretName.test(name)

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

/** Some servers have the key of an account in the path: long, and of digits and letters. Names of pages are words. */
const keyInPath = /^(?=.*\d)(?=.*[a-z])[\w~-]{24,}$/i

/** Passwords, token-like query values and keys in the path of a URL are masked; what is no URL comes back as it is. */
export function maskUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return text
  const url = new URL(text)
  let touched = false
  if (url.password) {
    url.password = mask
    touched = true
  } else if (url.username) {
    url.username = mask
    touched = true
  }
  const path = url.pathname.split('/').map((part) => (keyInPath.test(part) ? mask : part))
  if (path.includes(mask)) {
    url.pathname = path.join('/')
    touched = true
  }
  for (const name of new Set(url.searchParams.keys())) {
    if (!secretName.test(name)) continue
    url.searchParams.set(name, mask)
    touched = true
  }
  return touched ? url.href.replaceAll(encodeURIComponent(mask), mask) : text
}
