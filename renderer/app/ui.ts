import { create } from 'zustand'

/** Dialogs that can be opened from anywhere: a button, a key, the palette. At most one at a time. */
export type OpenDialog =
  | { kind: 'none' }
  | { kind: 'palette' }
  | { kind: 'keys' }
  | { kind: 'add-upstream' }
  | { kind: 'edit-upstream'; name: string }
  | { kind: 'connect'; name: string | null }

interface UiState {
  dialog: OpenDialog
  /** The row that J and K move and that S and R act on. */
  selected: string | null
}

export const useUi = create<UiState>()(() => ({ dialog: { kind: 'none' }, selected: null }))

export const openDialog = (dialog: OpenDialog): void => useUi.setState({ dialog })
export const closeDialog = (): void => useUi.setState({ dialog: { kind: 'none' } })
export const select = (selected: string | null): void => useUi.setState({ selected })
