import { AppError } from '../../shared/errors.ts'

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** https, and http of this machine: any other scheme may start a program, and any other http can be changed on its way. */
function isWebPage(text: string): boolean {
  const url = URL.parse(text)
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback.test(url.hostname))
}

/**
 * Opens pages of a sign-in in the system's browser; their addresses come from a server.
 * @param openExternal Electron's
 * @returns rejects with INVALID_ARGUMENT for what is no page of the web
 */
export const browserOpener =
  (openExternal: (url: string) => Promise<void>) =>
  async (url: string): Promise<void> => {
    if (!isWebPage(url)) throw new AppError('INVALID_ARGUMENT', 'only pages of the web are opened in the browser')
    await openExternal(url)
  }
