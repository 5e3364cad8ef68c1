import { Check, Copy as CopyIcon } from 'lucide-react'
import { useEffect, useState } from 'react'
import { toast } from 'sonner'
import { Button, IconButton } from './button.tsx'

/** How long the tick stays. */
const copiedMs = 1_500

function useCopy(text: string): { copied: boolean; copy: () => void } {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), copiedMs)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = () => {
    // The clipboard is missing in an insecure context (a browser that reached the host by another name than localhost).
    const writing = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard here'))
    writing.then(
      () => setCopied(true),
      () =>
        toast.error('Could not copy', {
          description: 'The browser allows no clipboard here; select the text instead.',
        }),
    )
  }
  return { copied, copy }
}

export interface CopyProps {
  text: string
  /** Accessible name: "Copy gateway URL". */
  label: string
  className?: string
}

/** A small button that copies; shows a tick when it has. */
export function Copy({ text, label, className }: CopyProps) {
  const { copied, copy } = useCopy(text)
  return (
    <IconButton
      icon={copied ? Check : CopyIcon}
      label={label}
      tooltip={copied ? 'Copied' : label}
      size="sm"
      onClick={copy}
      {...(className ? { className } : {})}
    />
  )
}

/** The same with a word on it. */
export function CopyButton({ text, label }: CopyProps) {
  const { copied, copy } = useCopy(text)
  return (
    <Button size="sm" icon={copied ? Check : CopyIcon} onClick={copy}>
      {copied ? 'Copied' : label}
    </Button>
  )
}
