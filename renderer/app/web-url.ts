/**
 * The address, when it is one that a browser may be sent to. What a server tells may be anything: `javascript:`, `file:` or
 * the scheme of another program must not become a link.
 */
export function webUrl(text: string): string | null {
  const url = URL.parse(text)
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null
}

/** Opens a page in a tab of its own, which can't reach back to this one. @returns false when it is no web address */
export function openPage(address: string): boolean {
  const url = webUrl(address)
  if (url === null) return false
  window.open(url, '_blank', 'noopener,noreferrer')
  return true
}
