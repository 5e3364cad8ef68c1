import { ClipboardPaste, CornerDownLeft } from 'lucide-react'
import { type ClipboardEvent, useMemo, useState } from 'react'
import { Button, Field, TextArea } from '../../components/index.ts'
import { type EditorForm, entryToForm, type RawEntry } from './form.ts'
import { nameFor, type PastedServer, readPaste } from './paste.ts'

export interface PasteBoxProps {
  /** The name that stands in the form. */
  name: string
  /** Nothing was typed yet: a paste of one server fills the form by itself. */
  pristine: boolean
  onFill: (form: EditorForm, base: RawEntry) => void
}

/** Takes what a server's README offers, a command line, a URL or a client's JSON, and fills the form with it. */
export function PasteBox({ name, pristine, onFill }: PasteBoxProps) {
  const [text, setText] = useState('')
  const [filled, setFilled] = useState<string | null>(null)
  const [nameBefore, setNameBefore] = useState('')
  const paste = useMemo(() => readPaste(text), [text])
  const fill = (server: PastedServer) => {
    onFill(entryToForm(nameFor(server, name, nameBefore), server.entry), server.entry)
    setNameBefore(server.name)
    setFilled(server.name || 'the server')
  }
  const onPaste = (event: ClipboardEvent<HTMLTextAreaElement>) => {
    const { value, selectionStart, selectionEnd } = event.currentTarget
    const whole = value.slice(0, selectionStart) + event.clipboardData.getData('text') + value.slice(selectionEnd)
    const pasted = readPaste(whole)
    const only = pasted.kind === 'servers' && pasted.servers.length === 1 ? pasted.servers[0] : undefined
    if (!only || !pristine) return
    event.preventDefault()
    setText(whole)
    fill(only)
  }
  return (
    <div className="flex flex-col gap-1.5 rounded-md border border-line bg-canvas p-2.5">
      <Field
        label={
          <span className="inline-flex items-center gap-1.5">
            <ClipboardPaste aria-hidden className="size-3.5" />
            Paste a command line, a URL, or the JSON of a client’s config
          </span>
        }
        error={paste.kind === 'error' ? paste.message : undefined}
      >
        <TextArea
          mono
          rows={2}
          value={text}
          placeholder={'npx -y @modelcontextprotocol/server-everything\nhttps://example.com/mcp'}
          onValueChange={(next) => {
            setText(next)
            setFilled(null)
          }}
          onPaste={onPaste}
        />
      </Field>
      {paste.kind === 'servers' && (
        <div role="status" className="flex flex-wrap items-center gap-1.5 text-xs text-ink-2">
          {filled === null ? (
            <>
              {paste.servers.length === 1
                ? 'Found one server:'
                : `Found ${paste.servers.length} servers, one can be added at a time:`}
              {paste.servers.map((server) => (
                <Button key={server.name} size="sm" icon={CornerDownLeft} onClick={() => fill(server)}>
                  Fill in {server.name || 'the form'}
                </Button>
              ))}
            </>
          ) : (
            `The form holds ${filled} now.`
          )}
        </div>
      )}
    </div>
  )
}
