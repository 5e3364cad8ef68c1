import { Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'
import { maskArguments, maskUrl } from '../../../../shared/mask.ts'
import { IconButton } from '../../../components/index.ts'
import { argumentsToText } from '../../editor/arguments.ts'
import { entryToForm, type PairRow } from '../../editor/form.ts'

/** A line of the entry; `masked` stands in its place until somebody looks, where it holds what looks like a secret. */
interface Fact {
  label: string
  value: string
  masked?: string
}

/** What an entry says of its server. Values of variables and headers are never shown; of a secret in plain sight a mask. */
export function targetFacts(entry: Record<string, unknown>): Fact[] {
  const form = entryToForm('', entry)
  const names = (form.transport === 'stdio' ? form.env : form.headers).map((row) => row.key)
  const hidden = names.length > 0 ? `${names.join(', ')} (values hidden)` : null
  const isolation = form.isolation || 'shared (default)'
  const common = [
    { label: 'Protocol', value: form.protocol || 'auto (default)' },
    { label: 'Isolation', value: isolation },
  ]
  if (form.transport !== 'stdio')
    return [
      { label: 'URL', value: form.url, masked: maskUrl(form.url) },
      { label: 'Transport', value: form.transport === 'sse' ? 'old HTTP+SSE' : 'detected' },
      { label: 'Headers', value: hidden ?? 'none' },
      { label: 'Sign-in', value: signInText(entry.oauth, form.headers) },
      ...common,
    ]
  const args = Array.isArray(entry.args) ? entry.args.map(String) : []
  return [
    { label: 'Command', value: form.command },
    {
      label: 'Arguments',
      value: argumentsToText(args) || 'none',
      masked: argumentsToText(maskArguments(args)) || 'none',
    },
    { label: 'Environment', value: hidden ?? 'none of its own' },
    { label: 'Working directory', value: form.cwd || 'the host’s' },
    ...common,
  ]
}

function signInText(oauth: unknown, headers: readonly PairRow[]): string {
  if (headers.some(({ key }) => key.trim().toLowerCase() === 'authorization'))
    return 'none: the Authorization header is sent instead'
  if (oauth === false) return 'switched off'
  if (typeof oauth !== 'object' || oauth === null) return 'where the server asks for it (default)'
  return Object.entries(oauth)
    .map(([key, value]) => (/secret/i.test(key) ? `${key} (hidden)` : `${key} ${String(value)}`))
    .join('\n')
}

/** Which server, as the entry has it. */
export function Target({ entry }: { entry: Record<string, unknown> }) {
  return (
    <dl className="grid grid-cols-[140px_minmax(0,1fr)] gap-y-1 px-3 py-2 text-sm">
      {targetFacts(entry).map((fact) => (
        <FactRow key={fact.label} {...fact} />
      ))}
    </dl>
  )
}

function FactRow({ label, value, masked = value }: Fact) {
  const [shown, setShown] = useState(false)
  const secret = masked !== value
  return (
    <div className="contents">
      <dt className="text-ink-3">{label}</dt>
      <dd className="flex min-w-0 items-start gap-1">
        <span className="min-w-0 font-mono whitespace-pre-wrap text-ink wrap-anywhere">{shown ? value : masked}</span>
        {secret && (
          <IconButton
            icon={shown ? EyeOff : Eye}
            size="sm"
            label={`${shown ? 'Hide' : 'Show'} the secrets in ${label}`}
            onClick={() => setShown(!shown)}
            className="-my-1 shrink-0"
          />
        )}
      </dd>
    </div>
  )
}
