import { useMemo, useState } from 'react'
import type { CommandArg } from '../../../shared/commands.ts'
import { entrySchemaFor } from '../../../shared/config.ts'
import { AppError } from '../../../shared/errors.ts'
import { runCommand } from '../../store/hooks.ts'
import { checkForm, type Finding, fieldOf, findingsByField } from './findings.ts'
import { type EditorForm, formToEntry, type RawEntry, sameForm } from './form.ts'
import { type Check, useCheck } from './use-check.ts'

export interface EditorSource {
  mode: 'add' | 'edit'
  /** As the dialog opened; Cancel asks only when something else stands in the form. */
  initial: EditorForm
  /** The entry in the config file; keys that the form does not show are kept from it. */
  base: RawEntry
}

export interface Editor {
  mode: 'add' | 'edit'
  form: EditorForm
  change: (part: Partial<EditorForm>) => void
  changeLimit: (id: string, text: string) => void
  /** Takes over a pasted entry: all of it, with the keys that the form does not show. */
  fill: (form: EditorForm, base: RawEntry) => void
  /** What to say at a field now: only where something was typed, or after a try to send. */
  finding: (field: string) => Finding | undefined
  /** All errors, shown or not, first field first. */
  errors: readonly string[]
  check: Check
  dirty: boolean
  sending: boolean
  /** What the host said to the last try; gone with the next change. */
  refusal: AppError | null
  /** @returns whether it was saved */
  send: () => Promise<boolean>
}

/** The form, what is wrong with it, and sending it. */
export function useEditor({ mode, initial, base: firstBase }: EditorSource): Editor {
  const [form, setForm] = useState(initial)
  const [base, setBase] = useState(firstBase)
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set())
  const [tried, setTried] = useState(false)
  const [sending, setSending] = useState(false)
  const [refusal, setRefusal] = useState<AppError | null>(null)

  const name = form.name.trim()
  const { entry } = useMemo(() => formToEntry(form, base), [form, base])
  const local = useMemo(() => checkForm(form, base, { checkName: mode === 'add' }), [form, base, mode])
  const hasTarget = form.transport === 'stdio' ? form.command.trim() !== '' : form.url.trim() !== ''
  const check = useCheck(name, entry, { editing: mode === 'edit', enabled: hasTarget })
  const byField = useMemo(() => {
    const refused = refusal ? refusalFinding(refusal) : []
    return findingsByField(local, [...refused, ...check.findings])
  }, [local, check.findings, refusal])

  const touch = (fields: readonly string[]) => {
    setTouched((before) => new Set([...before, ...fields]))
    setRefusal(null)
  }

  const send = async () => {
    setTried(true)
    const parsed = entrySchemaFor(entry).safeParse(entry)
    if (local.some((finding) => finding.level === 'error') || !parsed.success) return false
    setSending(true)
    try {
      const arg: CommandArg<'upstream.add'> = { name, entry: parsed.data }
      await runCommand(mode === 'add' ? 'upstream.add' : 'upstream.update', arg)
      return true
    } catch (thrown) {
      setRefusal(thrown instanceof AppError ? thrown : new AppError('INTERNAL', String(thrown)))
      return false
    } finally {
      setSending(false)
    }
  }

  return {
    mode,
    form,
    change: (part) => {
      setForm((before) => ({ ...before, ...part }))
      touch(Object.keys(part))
    },
    changeLimit: (id, text) => {
      setForm((before) => ({ ...before, limits: { ...before.limits, [id]: text } }))
      touch([id])
    },
    fill: (next, nextBase) => {
      setForm(next)
      setBase(nextBase)
      touch(['name', 'command', 'args', 'env', 'url', 'headers', 'oauth', 'cwd'])
    },
    finding: (field) => {
      const shown = tried || mode === 'edit' || touched.has(field) || touched.has(field.split('.')[0] ?? field)
      return shown ? byField.get(field) : undefined
    },
    errors: [...byField].flatMap(([field, finding]) => (finding.level === 'error' ? [field] : [])),
    check,
    dirty: !sameForm(form, initial),
    sending,
    refusal,
    send,
  }
}

/** A refusal that names the place in the entry is shown there too. */
function refusalFinding(refusal: AppError): Finding[] {
  const path = refusal.data?.path
  if (refusal.code === 'UPSTREAM_EXISTS') return [{ path: ['name'], level: 'error', message: refusal.message }]
  if (!Array.isArray(path)) return []
  const parts = path.filter((part) => typeof part === 'string' || typeof part === 'number')
  // The host's path may be that of the file: mcpServers.<name>.pool.…
  const inEntry = parts[0] === 'mcpServers' || parts[0] === 'servers' ? parts.slice(2) : parts
  return fieldOf(inEntry) === 'form' ? [] : [{ path: inEntry, level: 'error', message: refusal.message }]
}
