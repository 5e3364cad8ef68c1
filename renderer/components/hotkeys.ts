import { useHotkeys } from 'react-hotkeys-hook'

/** Elements for which Space and Enter already mean something. A link follows Enter, but leaves Space alone. */
const pressable =
  'button, summary, [role="switch"], [role="tab"], [role="menuitem"], [role="option"], [role="combobox"]'
const openLayer = '[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]'

export interface KeyOptions {
  /** Off while false. */
  enabled?: boolean
  /** Works in inputs and under an open dialog or menu too. For combinations with Ctrl or Cmd. */
  everywhere?: boolean
}

/**
 * A key or combination for the whole window: off in inputs, under open dialogs and menus, and, for Space and Enter, on
 * focused buttons and links. `keys` as react-hotkeys-hook writes them: 'j', 'mod+k', 'shift+delete'.
 */
export function useKey(
  keys: string | string[],
  handler: () => void,
  { enabled = true, everywhere = false }: KeyOptions = {},
): void {
  useHotkeys(
    keys,
    (event) => {
      event.preventDefault()
      handler()
    },
    {
      enabled,
      enableOnFormTags: everywhere,
      // By the produced key, so that "/" and "j" are where the person's layout has them. A space is no name for a key.
      useKey: !keys.includes('space'),
      ignoreEventWhen: (event) => {
        if (!everywhere && document.querySelector(openLayer)) return true
        if (!(event.target instanceof Element) || (event.key !== ' ' && event.key !== 'Enter')) return false
        return event.target.closest(event.key === 'Enter' ? `${pressable}, a[href]` : pressable) !== null
      },
    },
    [handler, enabled, everywhere],
  )
}
