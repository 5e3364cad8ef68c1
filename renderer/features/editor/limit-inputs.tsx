import { ChevronRight } from 'lucide-react'
import { useState } from 'react'
import { Field, Input, Select } from '../../components/index.ts'
import { defaultOf, type LimitField, limitFields, limitHelp, limitId, limitText } from './limits.ts'
import { said } from './said.ts'
import type { Editor } from './use-editor.ts'

const basic = limitFields.filter((field) => field.group === 'basic')
const advanced = limitFields.filter((field) => field.group === 'advanced')

/** Limits and timeouts. Empty means the default, which stands in the field as its placeholder. */
export function LimitInputs({ editor }: { editor: Editor }) {
  const set = advanced.filter((field) => editor.form.limits[limitId(field)]).length
  const wrong = advanced.some((field) => editor.finding(limitId(field))?.level === 'error')
  const [opened, setOpened] = useState(set > 0)
  const open = opened || wrong
  return (
    <section aria-label="Limits and timeouts" className="flex flex-col gap-2.5">
      <h3 className="text-sm font-semibold">Limits and timeouts</h3>
      <div className="grid grid-cols-3 gap-x-3 gap-y-2.5">
        {basic.map((field) => (
          <LimitInput key={limitId(field)} field={field} editor={editor} />
        ))}
      </div>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpened(!open)}
        className="flex h-6 items-center gap-1 self-start text-sm font-medium text-ink-2 hover:text-ink"
      >
        <ChevronRight aria-hidden className={open ? 'size-3.5 rotate-90' : 'size-3.5'} />
        Advanced
        {set > 0 && <span className="text-xs font-normal text-ink-3">{set} set</span>}
      </button>
      {open && (
        <div className="grid grid-cols-3 gap-x-3 gap-y-2.5">
          {advanced.map((field) => (
            <LimitInput key={limitId(field)} field={field} editor={editor} />
          ))}
        </div>
      )}
    </section>
  )
}

const unset = 'unset'

function LimitInput({ field, editor }: { field: LimitField; editor: Editor }) {
  const id = limitId(field)
  const value = editor.form.limits[id] ?? ''
  const standard = limitText(field, defaultOf(field), field.zero)
  return (
    <Field {...said(editor, id)} label={field.label} hint={limitHelp(field)}>
      {field.kind === 'choice' ? (
        <Select
          items={[
            { value: unset, label: `Default (${standard})` },
            ...(field.choices ?? []).map((choice) => ({ value: choice, label: choice })),
          ]}
          value={value || unset}
          onValueChange={(next) => editor.changeLimit(id, next === unset ? '' : next)}
        />
      ) : (
        <Input
          data-field={id}
          value={value}
          inputMode={field.kind === 'count' ? 'numeric' : 'text'}
          placeholder={standard}
          onValueChange={(next) => editor.changeLimit(id, next)}
        />
      )}
    </Field>
  )
}
