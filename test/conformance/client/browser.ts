const mostRedirects = 10

/**
 * The person's browser: goes to the page of the authorization server, which says yes at once, and follows where it leads.
 * @param until an address that nobody serves: the journey ends before it
 * @returns where it ended
 */
export async function browse(start: string | URL, until?: string): Promise<URL> {
  let url = new URL(start)
  for (let i = 0; i < mostRedirects; i++) {
    if (until !== undefined && url.href.startsWith(until)) return url
    const response = await fetch(url, { redirect: 'manual' })
    await response.body?.cancel()
    const location = response.headers.get('location')
    if (location === null) return url
    url = new URL(location, url)
  }
  throw new Error(`More than ${mostRedirects} redirects from ${start}`)
}
