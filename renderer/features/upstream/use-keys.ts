import { useEffect, useRef } from 'react'
import { useKey } from '../../components/index.ts'
import { useAction, useUpstreamPart } from '../../store/hooks.ts'
import { whyNot } from './actions.ts'

/** D drains the whole upstream. S and R are the window's own keys. @param free false where D belongs to something smaller */
export function useUpstreamKeys(name: string, free: boolean): void {
  const { run } = useAction()
  const drainable = useUpstreamPart(name, (upstream) => whyNot('drain', upstream) === null) ?? false
  useKey('d', () => void run('upstream.drain', { upstream: name }), { enabled: drainable && free })
}

/** By key, in lower case, with `shift+` before it; an absent one is left to the window. */
export type FirstKeys = Readonly<Record<string, (() => void) | undefined>>

const typing = 'input, textarea, select, [contenteditable]'
const openLayer = '[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]'

/**
 * Keys that come before the window's own: while a process is selected R restarts it and not the whole upstream, and Esc
 * closes its details before it leaves the page. In the capture phase, because the order of listeners on the document is
 * that of their mounting.
 */
export function useFirstKeys(keys: FirstKeys): void {
  const latest = useRef(keys)
  useEffect(() => {
    latest.current = keys
  })
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector(openLayer)) return
      if (event.target instanceof Element && event.target.closest(typing)) return
      const run = latest.current[`${event.shiftKey ? 'shift+' : ''}${event.key.toLowerCase()}`]
      if (!run) return
      event.preventDefault()
      event.stopImmediatePropagation()
      run()
    }
    window.addEventListener('keydown', onKeyDown, true)
    return () => window.removeEventListener('keydown', onKeyDown, true)
  }, [])
}
