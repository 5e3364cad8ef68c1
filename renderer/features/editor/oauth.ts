import { oauthSchema } from '../../../shared/config.ts'
import type { FormIssue, RawEntry } from './form.ts'

/** What an entry can say about the sign-in at a server elsewhere, in the order of the editor. */
export const oauthFields = [
  { key: 'clientId', label: 'Client ID', placeholder: 'registered by itself' },
  { key: 'clientSecret', label: 'Client secret', placeholder: 'none, or ${VARIABLE}' },
  { key: 'scope', label: 'Scopes', placeholder: 'what the server asks for' },
  { key: 'redirectPort', label: 'Redirect port', placeholder: 'any free one' },
  { key: 'clientMetadataUrl', label: 'Client metadata URL', placeholder: 'none' },
] as const

export type OAuthKey = (typeof oauthFields)[number]['key']

/** Texts, exactly as typed; empty means not set. */
export type OAuthForm = Readonly<Record<OAuthKey, string>> & {
  /** `oauth: false`: no sign-in, even if the server asks for one. */
  readonly off: boolean
}

/** What a setting is for, from the schema itself where that says it. */
export const oauthHelp = (key: OAuthKey): string =>
  oauthSchema.shape[key].description ?? (key === 'clientSecret' ? 'Of such a client, where it has one' : '')

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value))

export function oauthToForm(oauth: unknown): OAuthForm {
  const set = isRecord(oauth) ? oauth : {}
  return {
    clientId: text(set.clientId),
    clientSecret: text(set.clientSecret),
    scope: text(set.scope),
    redirectPort: text(set.redirectPort),
    clientMetadataUrl: text(set.clientMetadataUrl),
    off: oauth === false,
  }
}

/** How many settings are made, for the fold that hides them. */
export const oauthSet = (form: OAuthForm): number =>
  Number(form.off) + oauthFields.filter(({ key }) => form[key].trim() !== '').length

/** Writes what was typed into the entry; what was not touched stays as it was, unknown keys too. */
export function setOAuth(entry: Record<string, unknown>, form: OAuthForm, base: RawEntry, issues: FormIssue[]): void {
  const before = oauthToForm(base.oauth)
  const changed = oauthFields.filter(({ key }) => form[key].trim() !== before[key].trim())
  if (changed.length === 0 && form.off === before.off) return
  if (form.off) {
    entry.oauth = false
    return
  }
  const after: Record<string, unknown> = isRecord(base.oauth) ? { ...base.oauth } : {}
  for (const { key } of changed) {
    const typed = form[key].trim()
    if (typed === '') delete after[key]
    else if (key !== 'redirectPort') after[key] = typed
    else if (/^\d+$/.test(typed)) after[key] = Number(typed)
    else issues.push({ path: ['oauth', key], message: 'a port: a whole number up to 65535' })
  }
  if (Object.keys(after).length > 0) entry.oauth = after
  else delete entry.oauth
}
