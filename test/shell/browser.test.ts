import { expect, test } from 'vitest'
import { browserOpener } from '../../electron/shell/browser.ts'

const opened = async (url: string) => {
  const urls: string[] = []
  await browserOpener(async (each) => void urls.push(each))(url)
  return urls
}

test.each([
  'https://id.example/authorize?client_id=a%20b',
  'http://127.0.0.1:8080/authorize',
  'http://localhost/authorize',
  'http://[::1]:9/authorize',
])('%s is opened as it is', async (url) => expect(await opened(url)).toEqual([url]))

test.each([
  'javascript:alert(1)',
  'file:///etc/passwd',
  'ms-msdt:/id',
  'data:text/html,x',
  'http://id.example/authorize',
  'http://127.0.0.1.evil.example/',
  'http://localhost@evil.example/',
  'not a URL',
  '',
])('%j is not', async (url) => await expect(opened(url)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' }))

test('a browser that can not be opened is told', async () => {
  const failing = browserOpener(() => Promise.reject(new Error('no application is registered')))
  await expect(failing('https://id.example/')).rejects.toThrow('no application is registered')
})
