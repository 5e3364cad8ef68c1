import { describe, expect, test } from 'vitest'
import type { Authorizer, Refusal } from '../../electron/kit/authorizer.ts'
import { clientOf, ok, recording, textOf, untilDone } from './http-client-support.ts'

describe('credentials', () => {
  /** Has the tokens one after the other; the next is there once one was refused. */
  function authorizerOf(...tokens: (string | undefined)[]): Authorizer & { refusals: Refusal[] } {
    const refusals: Refusal[] = []
    return {
      refusals,
      authorization: async () => tokens[refusals.length],
      refused: async (refusal) => {
        refusals.push(refusal)
        return refusals.length < tokens.length
      },
    }
  }

  const guarded = (status: number, challenge: string | undefined) =>
    recording(({ headers, body }, outgoing) => {
      if (headers.authorization === 'Bearer good') ok(outgoing, body)
      else outgoing.writeHead(status, challenge === undefined ? {} : { 'WWW-Authenticate': challenge }).end('no')
    })

  test('that are good go with each request', async () => {
    const { url, seen } = await guarded(401, 'Bearer')
    const authorizer = authorizerOf('Bearer good')
    expect(textOf(await clientOf(url, { authorizer }).post('1', untilDone()))).toBe('1')
    expect(seen.length).toBe(1)
    expect(authorizer.refusals).toEqual([])
  })

  test.each([
    [401, 'Bearer resource_metadata="https://x.example/"'],
    [403, 'Bearer error="insufficient_scope", scope="a b"'],
  ] as const)('that are refused with %i are renewed, and the request is sent once more', async (status, challenge) => {
    const { url, seen } = await guarded(status, challenge)
    const authorizer = authorizerOf('Bearer old', 'Bearer good')
    expect(textOf(await clientOf(url, { authorizer }).post('[1]', untilDone()))).toBe('[1]')
    expect(authorizer.refusals).toEqual([{ status, wwwAuthenticate: challenge, used: 'Bearer old' }])
    expect(seen.map(({ body }) => body)).toEqual(['[1]', '[1]'])
  })

  test('that were let in are told so, and only they', async () => {
    const { url } = await guarded(401, undefined)
    const accepted: (string | undefined)[] = []
    const authorizer = {
      ...authorizerOf('Bearer old', 'Bearer good'),
      accepted: (used?: string) => accepted.push(used),
    }
    await clientOf(url, { authorizer }).post('1', untilDone())
    expect(accepted).toEqual(['Bearer good'])
  })

  test('that are refused twice are the answer: there is no third attempt', async () => {
    const { url, seen } = await guarded(401, undefined)
    const authorizer = authorizerOf(undefined, 'Bearer bad', 'Bearer worse')
    expect(await clientOf(url, { authorizer }).post('1', untilDone())).toMatchObject({ status: 401 })
    expect(seen.length).toBe(2)
    expect(authorizer.refusals).toEqual([{ status: 401, wwwAuthenticate: null, used: undefined }])
  })

  test('that are refused a second time are told, with what was refused', async () => {
    const { url } = await guarded(401, undefined)
    const again: (string | undefined)[] = []
    const authorizer = {
      ...authorizerOf('Bearer old', 'Bearer bad'),
      refusedAgain: (used?: string) => again.push(used),
    }
    await clientOf(url, { authorizer }).post('1', untilDone())
    expect(again).toEqual(['Bearer bad'])
  })

  test('that are refused when a session ends are no matter of who we are', async () => {
    const { url, seen } = await guarded(401, 'Bearer')
    const authorizer = authorizerOf('Bearer old', 'Bearer good')
    expect(await clientOf(url, { authorizer }).delete(untilDone())).toMatchObject({ status: 401 })
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer old'])
    expect(authorizer.refusals).toEqual([])
  })

  test('that cannot be renewed leave the refusal as the reply', async () => {
    const { url, seen } = await guarded(401, 'Bearer')
    const reply = await clientOf(url, { authorizer: authorizerOf('Bearer bad') }).post('1', untilDone())
    expect(reply).toMatchObject({ status: 401, body: { kind: 'other', head: 'no' } })
    expect(seen.length).toBe(1)
  })

  test('a 403 that is not about scope is nothing to renew', async () => {
    const { url, seen } = await guarded(403, 'Bearer error="invalid_request"')
    const authorizer = authorizerOf('Bearer bad', 'Bearer good')
    expect(await clientOf(url, { authorizer }).post('1', untilDone())).toMatchObject({ status: 403 })
    expect(seen.length).toBe(1)
    expect(authorizer.refusals).toEqual([])
  })

  test('of the config stand for themselves: the authorizer is told that they are refused, and nothing is tried again', async () => {
    const { url, seen } = await guarded(401, 'Bearer')
    const authorizer = authorizerOf('Bearer good')
    const headers = () => ({ AUTHORIZATION: 'Bearer configured' })
    expect(await clientOf(url, { authorizer, headers }).post('1', untilDone())).toMatchObject({ status: 401 })
    expect(seen.map((it) => it.headers.authorization)).toEqual(['Bearer configured'])
    expect(authorizer.refusals).toEqual([{ status: 401, wwwAuthenticate: 'Bearer', used: 'Bearer configured' }])
  })

  test('that let a request in are told so, also after a refusal', async () => {
    const { url } = await guarded(401, 'Bearer')
    const accepted: unknown[] = []
    const authorizer = {
      ...authorizerOf('Bearer bad', 'Bearer good'),
      accepted: (used: string | undefined) => accepted.push(used),
    }
    const client = clientOf(url, { authorizer })
    await client.post('1', untilDone())
    await client.post('2', untilDone())
    expect(accepted).toEqual(['Bearer good', 'Bearer good'])
    await clientOf(url, { authorizer, headers: () => ({ Authorization: 'Bearer good' }) }).post('3', untilDone())
    expect(accepted[2]).toBeUndefined()
    expect(accepted).toHaveLength(3)
  })
})
