import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { childEnv } from '../fixtures/children/index.ts'
import { endAll, Talk } from './support.ts'

const run = promisify(execFile)
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'poolscope-process-'))
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(endAll)

/** A tree that could not be started behaves like one that has ended. */
async function expectNotStarted(child: Talk, code: string) {
  const exit = await child.tree.exited
  expect(exit).toMatchObject({ code: null, signal: null, error: expect.objectContaining({ code }) })
  expect(child.tree.exit).toBe(exit)
  expect(child.tree.pid).toBeUndefined()
  expect(() => child.tree.write('{}')).toThrow(expect.objectContaining({ code: 'CONNECTION_LOST' }))
  expect(await child.tree.terminate('gentle')).toBe('gone')
  expect(child.writeFailures).toEqual([])
}

describe('23: what can not be started is told by exited, typed, and nothing is thrown', () => {
  test('a command that does not exist: ENOENT', async () => {
    await expectNotStarted(new Talk({ command: 'no-such-command-at-all', args: [], env: childEnv }), 'ENOENT')
  })

  test('a working directory that does not exist: ENOENT', async () => {
    const cwd = join(folder, 'missing')
    await expectNotStarted(new Talk({ command: process.execPath, args: [], env: childEnv, cwd }), 'ENOENT')
  })

  test('a file that may not be executed: EACCES', async () => {
    const command = join(folder, 'not-executable')
    await writeFile(command, '#!/bin/sh\n')
    await chmod(command, 0o644)
    await expectNotStarted(new Talk({ command, args: [], env: childEnv }), 'EACCES')
  })

  test('an argument with a NUL: a TypeError that says so', async () => {
    const child = new Talk({ command: process.execPath, args: ['a\0b'], env: childEnv })
    const { error } = await child.tree.exited
    expect(error).toBeInstanceOf(TypeError)
    expect(error?.message).toMatch(/null byte/)
    expect(await child.tree.terminate('kill')).toBe('gone')
  })

  test('arguments longer than the system takes: E2BIG', async () => {
    await expectNotStarted(new Talk({ command: process.execPath, args: ['x'.repeat(4e6)], env: childEnv }), 'E2BIG')
  })

  test('no file descriptor left: EMFILE, and it works again once there is one', async () => {
    // In a process of its own: without descriptors a test runner fails in other ways.
    const host = join(import.meta.dirname, 'hosts', 'emfile.ts')
    const { stdout } = await run('/bin/sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, host])
    expect(JSON.parse(stdout)).toEqual({ error: 'EMFILE', outcome: 'gone', uncaught: [], afterwards: 0 })
  })
})
