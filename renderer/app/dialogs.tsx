import { lazy, Suspense } from 'react'
import { ConnectDialog } from '../features/connect/index.tsx'
import { KeysDialog } from './keys-dialog.tsx'
import { Palette } from './palette.tsx'
import { closeDialog, useUi } from './ui.ts'

const UpstreamEditorDialog = lazy(async () => ({
  default: (await import('../features/editor/index.tsx')).UpstreamEditorDialog,
}))

const onOpenChange = (open: boolean) => open || closeDialog()

/** Whatever dialog is open, over whatever screen. */
export function Dialogs() {
  const dialog = useUi((s) => s.dialog)
  return (
    <>
      <Palette open={dialog.kind === 'palette'} onOpenChange={onOpenChange} />
      <KeysDialog open={dialog.kind === 'keys'} onOpenChange={onOpenChange} />
      {dialog.kind === 'connect' && <ConnectDialog name={dialog.name} onOpenChange={onOpenChange} />}
      <Suspense fallback={null}>
        {dialog.kind === 'add-upstream' && <UpstreamEditorDialog mode="add" open onOpenChange={onOpenChange} />}
        {dialog.kind === 'edit-upstream' && (
          <UpstreamEditorDialog mode="edit" name={dialog.name} open onOpenChange={onOpenChange} />
        )}
      </Suspense>
    </>
  )
}
