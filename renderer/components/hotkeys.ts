import { useHotkeys } from 'react-hotkeys-hook'

/** Elements for which Space and Enter already mean something. */
const pressable =
  'button, a[href], summary, [role="switch"], [role="tab"], [role="menuitem"], [role="option"], [role="combobox"]'
const openLayer = '[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]'

export interface KeyOptions {
  /** Off while false. */
  enabled?: boolean
  /** Works under an open dialog or menu too. */
  inLayers?: boolean
}

/**
 * A key or combination for the whole window: off in inputs, under open dialogs and menus, and, for Space and Enter, on
 * focused buttons and links. `keys` as react-hotkeys-hook writes them: 'j', 'mod+k', 'shift+delete'.
 */
export function useKey(
  keys: string | string[],
  handler: () => void,
  { enabled = true, inLayers = false }: KeyOptions = {},
): void {
  useHotkeys(
    keys,
    (event) => {
      event.preventDefault()
      handler()
    },
    {
      enabled,
      ignoreEventWhen: (event) => {
        if (!inLayers && document.querySelector(openLayer)) return true
        const pressing = event.key === ' ' || event.key === 'Enter'
        return pressing && event.target instanceof Element && event.target.closest(pressable) !== null
      },
    },
    [handler, enabled, inLayers],
  )
}
