import { create } from 'zustand'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const storageKey = 'poolscope.theme'

/** The choice of this window; "system" leaves it to the operating system. */
export const useTheme = create<{ theme: Theme }>()(() => ({ theme: stored() }))

export function setTheme(theme: Theme): void {
  useTheme.setState({ theme })
  applyTheme()
  try {
    window.localStorage.setItem(storageKey, theme)
  } catch {
    // Storage is blocked: the choice lasts until the window is closed.
  }
}

/** Styles read color-scheme, which styles.css sets from this attribute. */
export function applyTheme(): void {
  const { theme } = useTheme.getState()
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

function stored(): Theme {
  try {
    const value = window.localStorage.getItem(storageKey)
    return themes.find((theme) => theme === value) ?? 'system'
  } catch {
    return 'system'
  }
}
