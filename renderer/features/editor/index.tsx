import { useEffect, useState } from 'react'
import { AppError } from '../../../shared/errors.ts'
import { Button, Callout, Dialog, Skeleton } from '../../components/index.ts'
import { runCommand } from '../../store/hooks.ts'
import { EditorForm } from './editor-form.tsx'
import { emptyForm, entryToForm } from './form.ts'
import type { EditorSource } from './use-editor.ts'

export interface UpstreamEditorDialogProps {
  mode: 'add' | 'edit'
  /** Which one to edit. */
  name?: string
  open: boolean
  onOpenChange: (open: boolean) => void
}

/** Adds an upstream, or changes one. */
export function UpstreamEditorDialog({ mode, name = '', open, onOpenChange }: UpstreamEditorDialogProps) {
  if (!open) return null
  return mode === 'add' ? (
    <AddDialog onOpenChange={onOpenChange} />
  ) : (
    <EditDialog key={name} name={name} onOpenChange={onOpenChange} />
  )
}

interface OneDialogProps {
  onOpenChange: (open: boolean) => void
}

function AddDialog({ onOpenChange }: OneDialogProps) {
  const [source] = useState<EditorSource>(() => ({ mode: 'add', initial: emptyForm(), base: {} }))
  return <EditorForm source={source} onOpenChange={onOpenChange} />
}

function EditDialog({ name, onOpenChange }: OneDialogProps & { name: string }) {
  const [source, setSource] = useState<EditorSource | null>(null)
  const [failure, setFailure] = useState<AppError | null>(null)
  const [tries, setTries] = useState(0)

  useEffect(() => {
    let stopped = false
    const load = async (_attempt: number) => {
      try {
        const { entry } = await runCommand('upstream.entry', { upstream: name })
        if (!stopped) setSource({ mode: 'edit', initial: entryToForm(name, entry), base: entry })
      } catch (thrown) {
        if (!stopped) setFailure(thrown instanceof AppError ? thrown : new AppError('INTERNAL', String(thrown)))
      }
    }
    void load(tries)
    return () => {
      stopped = true
    }
  }, [name, tries])

  if (source) return <EditorForm source={source} onOpenChange={onOpenChange} />
  return (
    <Dialog
      open
      onOpenChange={onOpenChange}
      title={`Edit ${name}`}
      size="lg"
      footer={<Button onClick={() => onOpenChange(false)}>Close</Button>}
    >
      {failure ? (
        <Callout
          tone="error"
          role="alert"
          title="The entry could not be read"
          actions={
            <Button
              size="sm"
              onClick={() => {
                setFailure(null)
                setTries(tries + 1)
              }}
            >
              Try again
            </Button>
          }
        >
          {failure.message} ({failure.code})
        </Callout>
      ) : (
        <div role="status" aria-label="Loading the entry" className="flex flex-col gap-3">
          <Skeleton className="h-12" />
          <Skeleton className="h-12" />
          <Skeleton className="h-24" />
        </div>
      )}
    </Dialog>
  )
}
