import { Dialog } from '../components/index.ts'
import { keyHelp } from './keys.ts'

export function KeysDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Keyboard"
      description="Off while you type in a field."
      size="sm"
    >
      <dl className="flex flex-col">
        {keyHelp.map(({ keys, does }) => (
          <div key={does} className="flex h-7 items-center justify-between gap-4 border-b border-line last:border-b-0">
            <dt className="text-ink-2">{does}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <kbd
                  key={key}
                  className="rounded border border-line-strong bg-raised px-1.5 font-sans text-xs text-ink"
                >
                  {key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
