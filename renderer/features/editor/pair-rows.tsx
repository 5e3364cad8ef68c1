import { Eye, EyeOff, Plus, X } from 'lucide-react'
import { type ClipboardEvent, useState } from 'react'
import { Button, IconButton, Input } from '../../components/index.ts'
import type { Finding } from './findings.ts'
import { type PairRow, pairRow } from './form.ts'
import { readPairs } from './pairs.ts'

export interface PairRowsProps {
  /** "Environment": names the group and, in the singular, each row. */
  title: string
  one: string
  field: 'env' | 'headers'
  rows: readonly PairRow[]
  onChange: (rows: readonly PairRow[]) => void
  finding: (field: string) => Finding | undefined
  hint?: string
}

const placeholders = {
  env: { name: 'NAME', value: 'value, or ${VARIABLE}' },
  headers: { name: 'Authorization', value: 'Bearer ${TOKEN}' },
}

/** Names and values, one row each. Values are often secrets, so they are masked until somebody looks. */
export function PairRows({ title, one, field, rows, onChange, finding, hint }: PairRowsProps) {
  const [revealed, setRevealed] = useState<ReadonlySet<number>>(new Set())
  const set = (id: number, part: Partial<PairRow>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...part } : row)))
  const toggle = (id: number) =>
    setRevealed((before) =>
      before.has(id) ? new Set([...before].filter((other) => other !== id)) : new Set([...before, id]),
    )

  const onPaste = (event: ClipboardEvent, row: PairRow) => {
    const pasted = readPairs(event.clipboardData.getData('text'), field)
    if (pasted.length === 0) return
    event.preventDefault()
    onChange(rows.flatMap((other) => (other === row ? pasted : [other])))
  }

  return (
    <fieldset className="flex min-w-0 flex-col gap-1">
      <legend className="mb-1 text-xs font-medium text-ink-2">{title}</legend>
      {rows.map((row, i) => {
        const wrong = finding(`${field}.${row.id}`) ?? finding(`${field}.${row.key.trim()}`)
        const shown = revealed.has(row.id)
        const label = row.key.trim() || `${one} ${i + 1}`
        return (
          <div key={row.id} data-field={`${field}.${row.id}`}>
            <div className="flex items-center gap-1.5">
              <Input
                mono
                aria-label={`Name of ${one} ${i + 1}`}
                aria-invalid={wrong?.level === 'error' || undefined}
                placeholder={placeholders[field].name}
                value={row.key}
                onValueChange={(key) => set(row.id, { key })}
                onPaste={(event) => onPaste(event, row)}
                className="w-2/5"
              />
              <Input
                mono
                type={shown ? 'text' : 'password'}
                aria-label={`Value of ${label}`}
                placeholder={placeholders[field].value}
                value={row.value}
                onValueChange={(value) => set(row.id, { value })}
                className="flex-1"
              />
              <IconButton
                icon={shown ? EyeOff : Eye}
                label={shown ? `Hide the value of ${label}` : `Show the value of ${label}`}
                onClick={() => toggle(row.id)}
              />
              <IconButton
                icon={X}
                label={`Remove ${label}`}
                onClick={() => onChange(rows.filter((other) => other.id !== row.id))}
              />
            </div>
            {wrong && (
              <p
                className={
                  wrong.level === 'error' ? 'mt-0.5 text-xs text-dead-ink' : 'mt-0.5 text-xs text-draining-ink'
                }
              >
                {wrong.message}
              </p>
            )}
          </div>
        )
      })}
      {hint && rows.length > 0 && <p className="text-xs text-ink-3">{hint}</p>}
      <div>
        <Button size="sm" variant="ghost" icon={Plus} onClick={() => onChange([...rows, pairRow()])}>
          Add {one}
        </Button>
      </div>
    </fieldset>
  )
}
