import { maskArguments, maskUrl } from '../../shared/mask.ts'

export { isSecretName, maskArguments, maskUrl } from '../../shared/mask.ts'

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
