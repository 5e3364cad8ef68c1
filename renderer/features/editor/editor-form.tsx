import { useId, useState } from 'react'
import { toast } from 'sonner'
import { navigate } from '../../app/routes.ts'
import { Button, Callout, ConfirmDialog, Dialog, plural } from '../../components/index.ts'
import { useLink } from '../../store/hooks.ts'
import { LimitInputs } from './limit-inputs.tsx'
import { PasteBox } from './paste-box.tsx'
import { ServerFields } from './server-fields.tsx'
import { type EditorSource, useEditor } from './use-editor.ts'

/** The dialog around the form. It closes when it was saved, or when somebody says that what was typed may go. */
export function EditorForm({ source, onOpenChange }: { source: EditorSource; onOpenChange: (open: boolean) => void }) {
  const editor = useEditor(source)
  const [leaving, setLeaving] = useState(false)
  const formId = useId()
  const offline = useLink().state !== 'live'
  const { mode, form } = editor
  const name = form.name.trim()
  const adding = mode === 'add'

  const leave = () => {
    if (editor.sending) return
    if (editor.dirty) setLeaving(true)
    else onOpenChange(false)
  }
  const submit = async () => {
    if (await editor.send()) {
      toast.success(adding ? `${name} was added` : `${name} was changed`)
      onOpenChange(false)
      navigate({ screen: 'upstream', name, tab: 'health' })
    } else focusFirst(formId, editor.errors)
  }
  const general = editor.finding('form')

  return (
    <Dialog
      open
      onOpenChange={(open) => open || leave()}
      title={adding ? 'Add an upstream' : `Edit ${name}`}
      description={
        adding
          ? 'An MCP server that Poolscope runs, or reaches, and shares among all clients. It is saved to the config file and used at once.'
          : 'Limits take effect at once. What else is changed replaces the connections one after the other.'
      }
      size="lg"
      footer={
        <>
          <p role="status" className="mr-auto min-w-0 truncate text-xs text-ink-3">
            {offline
              ? 'The host can’t be reached. What you typed stays here.'
              : editor.errors.length > 0 && editor.dirty && `${plural(editor.errors.length, 'field')} to put right`}
          </p>
          <Button onClick={leave} disabled={editor.sending}>
            Cancel
          </Button>
          <Button type="submit" form={formId} variant="primary" pending={editor.sending} disabled={offline}>
            {adding ? 'Add upstream' : 'Save'}
          </Button>
        </>
      }
    >
      <form
        id={formId}
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        {editor.refusal && (
          <Callout tone="error" role="alert" title={adding ? 'It was not added' : 'It was not saved'}>
            {editor.refusal.message} <span className="font-mono text-xs">({editor.refusal.code})</span>
          </Callout>
        )}
        {general && <Callout tone={general.level === 'error' ? 'error' : 'warn'}>{general.message}</Callout>}
        {adding && <PasteBox name={name} pristine={!editor.dirty} onFill={editor.fill} />}
        <ServerFields editor={editor} />
        <LimitInputs editor={editor} />
      </form>
      {/* Inside the dialog, so that a press in the question is not a press outside of the dialog. */}
      <ConfirmDialog
        open={leaving}
        onAnswer={(discard) => {
          setLeaving(false)
          if (discard) onOpenChange(false)
        }}
        title="Discard what you typed?"
        body={adding ? 'The upstream was not added.' : 'The changes were not saved.'}
        confirmLabel="Discard"
      />
    </Dialog>
  )
}

function focusFirst(formId: string, fields: readonly string[]): void {
  // After the render that shows the errors: a field in the advanced part exists only then.
  requestAnimationFrame(() => {
    const form = document.getElementById(formId)
    const places = [...(form?.querySelectorAll<HTMLElement>('[data-field]') ?? [])]
    const place = places.find((element) => fields.includes(element.dataset.field ?? ''))
    const control = place?.matches('input, textarea')
      ? place
      : place?.querySelector<HTMLElement>('input, textarea, button')
    control?.focus()
    control?.scrollIntoView({ block: 'nearest' })
  })
}
