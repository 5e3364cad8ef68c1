import { AlertDialog } from '@base-ui/react/alert-dialog'
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { Button } from './button.tsx'
import { cn } from './cn.ts'
import { backdropClass, popupClass } from './dialog.tsx'

export interface ConfirmOptions {
  title: string
  /** What it breaks, in a sentence. */
  body?: ReactNode
  /** The verb on the button: "Kill", "Remove". */
  confirmLabel: string
  tone?: 'danger' | 'normal'
}

export interface ConfirmDialogProps extends ConfirmOptions {
  open: boolean
  onAnswer: (confirmed: boolean) => void
}

/** Asks before something that can't be undone. Focus starts on Cancel, so that a stray Enter does nothing. */
export function ConfirmDialog({ open, onAnswer, title, body, confirmLabel, tone = 'danger' }: ConfirmDialogProps) {
  const cancel = useRef<HTMLButtonElement>(null)
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => next || onAnswer(false)}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={backdropClass} />
        <AlertDialog.Popup initialFocus={cancel} className={cn(popupClass, 'top-[22vh] w-[420px] p-4')}>
          <AlertDialog.Title className="text-lg font-semibold wrap-anywhere">{title}</AlertDialog.Title>
          {body && (
            <AlertDialog.Description render={<div />} className="mt-1.5 text-base text-ink-2 wrap-anywhere">
              {body}
            </AlertDialog.Description>
          )}
          <div className="mt-4 flex justify-end gap-2">
            <Button ref={cancel} onClick={() => onAnswer(false)}>
              Cancel
            </Button>
            <Button variant={tone === 'danger' ? 'danger' : 'primary'} onClick={() => onAnswer(true)}>
              {confirmLabel}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

type Ask = (options: ConfirmOptions) => Promise<boolean>
const ConfirmContext = createContext<Ask | null>(null)

/** `const confirm = useConfirm(); if (await confirm({…})) …` */
export function useConfirm(): Ask {
  const ask = useContext(ConfirmContext)
  if (!ask) throw new Error('useConfirm needs a ConfirmProvider above it')
  return ask
}

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const [options, setOptions] = useState<ConfirmOptions | null>(null)
  const [open, setOpen] = useState(false)
  const answer = useRef<((confirmed: boolean) => void) | null>(null)

  const ask: Ask = useCallback((next) => {
    answer.current?.(false) // a second question replaces the first, which counts as not confirmed
    setOptions(next)
    setOpen(true)
    return new Promise((resolve) => {
      answer.current = resolve
    })
  }, [])
  const onAnswer = useCallback((confirmed: boolean) => {
    answer.current?.(confirmed)
    answer.current = null
    setOpen(false)
  }, [])

  return (
    <ConfirmContext value={ask}>
      {children}
      {options && <ConfirmDialog {...options} open={open} onAnswer={onAnswer} />}
    </ConfirmContext>
  )
}
