import type { UpstreamTarget } from '../../shared/config.ts'
import { isSecretName } from '../config/mask.ts'

type Path = (string | number)[]
type Add = (level: 'error' | 'warning', path: Path, message: string) => void
type Remote = Extract<UpstreamTarget, { transport: 'http' | 'sse' }>

/** RFC 9110, section 5.6.2. */
const headerName = /^[!#$%&'*+.^_`|~\w-]+$/
/** Of the session and its messages, which Poolscope looks after; what HTTP clients add as a habit (Accept, …) is left out too. */
const ownHeader = /^(?:mcp-(?:session-id|protocol-version|method|name|param-.*)|last-event-id)$/i
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * What is wrong, or looks wrong, with an entry that is reached over HTTP. Nothing is sent: whether the server is there is
 * seen with the first connection.
 * @param filled a text with its variables filled in; tells and gives undefined when one is not set
 */
export function checkRemote(
  { url: text, headers, oauth }: Remote,
  filled: (text: string, path: Path) => string | undefined,
  add: Add,
): void {
  const names = Object.keys(headers)
  for (const name of names) checkHeader(name, filled(headers[name] ?? '', ['headers', name]), add)
  for (const key of ['clientId', 'clientSecret', 'clientMetadataUrl', 'scope'] as const) {
    const value = oauth ? oauth[key] : undefined
    if (value !== undefined) filled(value, ['oauth', key])
  }
  const ownAuthorization = names.some((name) => name.toLowerCase() === 'authorization')
  if (oauth && ownAuthorization)
    add('warning', ['oauth'], 'the Authorization header comes first: there will be no sign-in')

  const whole = filled(text, ['url'])
  if (whole === undefined) return
  const url = URL.parse(whole)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    add('error', ['url'], 'with its variables filled in it is no http or https URL')
    return
  }
  if (url.username || url.password)
    add('warning', ['url'], 'credentials in a URL show up in logs; a header Authorization does not')
  const secrets = names.filter(isSecretName)
  if (url.protocol === 'http:' && !loopback.test(url.hostname) && secrets.length > 0)
    add('warning', ['url'], `over plain http anyone on the way can read ${secrets.join(', ')}; use https`)
}

function checkHeader(name: string, value: string | undefined, add: Add): void {
  if (!headerName.test(name)) add('error', ['headers', name], 'not a valid name of a header')
  if (ownHeader.test(name)) add('warning', ['headers', name], 'Poolscope sets it itself: it is left out')
  if (value === undefined) return
  if (/(?!\t)\p{Cc}/u.test(value.trim()))
    add('error', ['headers', name], 'a line break or another control character can not be sent')
  else if (name.toLowerCase() === 'authorization' && value.trim() === '')
    add('warning', ['headers', name], 'it is empty, and keeps a sign-in from being offered')
}
