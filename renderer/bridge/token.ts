const storageKey = 'poolscope.token'

/**
 * The token of this browser tab. It arrives once in the address (`?token=`), moves to sessionStorage, and is taken out
 * of the address bar so that it is neither shared with a copied link nor kept in the history.
 */
export function takeToken(): string | null {
  const url = new URL(window.location.href)
  const fromAddress = url.searchParams.get('token')
  if (fromAddress) {
    storeToken(fromAddress)
    url.searchParams.delete('token')
    window.history.replaceState(window.history.state, '', url)
    return fromAddress
  }
  try {
    return window.sessionStorage.getItem(storageKey)
  } catch {
    return null // storage is blocked: the tab works until it is reloaded
  }
}

export function storeToken(token: string): void {
  try {
    window.sessionStorage.setItem(storageKey, token)
  } catch {
    // Storage is blocked: the token lives as long as this page.
  }
}

/** The token in what a person pasted: the dashboard's whole URL, or the token itself. */
export function tokenFromText(text: string): string {
  const trimmed = text.trim()
  return URL.parse(trimmed)?.searchParams.get('token') ?? trimmed
}
