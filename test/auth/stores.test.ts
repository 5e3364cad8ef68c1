import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FileSecretStore } from '../../electron/auth/file-store.ts'
import type { LogLevel } from '../../electron/kit/logger.ts'
import { desktopSecretStore, type Encryption } from '../../electron/shell/secret-store.ts'
import { memorySecretStore } from '../support/memory-store.ts'
import { temporaryFolder } from './fixtures/temporary-folder.ts'
import { makeWorld } from './fixtures/world.ts'

const onPosix = process.platform !== 'win32'

async function scene() {
  const dir = await temporaryFolder()
  const logs: string[] = []
  const logger = { log: (level: LogLevel, message: string) => void logs.push(`${level} ${message}`) }
  const file = join(dir, 'secrets.json')
  const mode = async () => ((await stat(file)).mode & 0o777).toString(8)
  return { dir, file, logs, logger, mode, store: new FileSecretStore(file, logger) }
}

describe('the file', () => {
  test('keeps what was set, for the next process too, until it is deleted', async () => {
    const { file, store, logger } = await scene()
    expect(await store.get('a')).toBeUndefined()
    await store.set('a', '1')
    await store.set('b', '2')
    const next = new FileSecretStore(file, logger)
    expect([await next.get('a'), await next.get('b')]).toEqual(['1', '2'])
    await next.delete('a')
    await next.delete('never there')
    expect([await store.get('a'), await store.get('b')]).toEqual([undefined, '2'])
  })

  test('is for its owner only, and says once that it is not encrypted', async () => {
    const { store, logs, mode, dir } = await scene()
    await store.set('a', '1')
    await store.set('a', '2')
    if (onPosix) expect(await mode()).toBe('600')
    expect(logs).toEqual([expect.stringMatching(/^warn tokens are kept in a file/)])
    expect(await readdir(dir), 'nothing beside it').toEqual(['secrets.json'])
  })

  test('has everything that was written at the same moment', async () => {
    const { store } = await scene()
    const keys = Array.from({ length: 50 }, (_, n) => `key ${n}`)
    await Promise.all(keys.map((key) => store.set(key, key.toUpperCase())))
    await Promise.all(keys.filter((_, n) => n % 2 === 0).map((key) => store.delete(key)))
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(
      keys.map((key, n) => (n % 2 === 0 ? undefined : key.toUpperCase())),
    )
  })

  test.runIf(onPosix)('that others can read is made private, with a warning, before it is used', async () => {
    const { file, store, logs, mode } = await scene()
    await store.set('a', '1')
    await chmod(file, 0o644)
    expect(await store.get('a')).toBe('1')
    expect(await mode()).toBe('600')
    expect(logs).toContainEqual(expect.stringContaining('could be read by others'))
    await store.get('a')
    expect(logs).toHaveLength(2)
  })

  test.runIf(onPosix)('that is a link, or a folder, is refused and left alone', async () => {
    const { dir, file, store } = await scene()
    const target = join(dir, 'elsewhere')
    await writeFile(target, '{"version":1,"secrets":{"a":"planted"}}', { mode: 0o600 })
    await symlink(target, file)
    for (const it of [store.get('a'), store.set('a', 'mine'), store.delete('a')])
      await expect(it).rejects.toMatchObject({ code: 'CONFIG_INVALID', data: { file } })
    expect(await readFile(target, 'utf8')).toContain('planted')
    const folder = join(dir, 'folder')
    await mkdir(folder)
    await expect(new FileSecretStore(folder, { log() {} }).get('a')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('that is broken is said to be, without a word of it, and replaced by the next write', async () => {
    const { file, store, logs } = await scene()
    await writeFile(file, '{"version":1,"secrets":{"a":"t0ken', { mode: 0o600 })
    expect(await store.get('a')).toBeUndefined()
    expect(logs.join()).toContain('not in a form that is known')
    expect(logs.join()).not.toContain('t0ken')
    await store.set('b', '2')
    expect(await store.get('b')).toBe('2')
  })

  test('that can not be written is an error, and the next write is tried', async () => {
    const { dir, logger } = await scene()
    const inside = join(dir, 'later')
    const store = new FileSecretStore(join(inside, 'secrets.json'), logger)
    await expect(store.set('a', '1')).rejects.toMatchObject({ code: 'ENOENT' })
    await mkdir(inside)
    await store.set('a', '1')
    expect(await store.get('a')).toBe('1')
  })

  test('keeps a sign-in over a restart', async () => {
    const world = await makeWorld()
    const { file, logger } = await scene()
    const first = world.auth({ store: new FileSecretStore(file, logger) })
    await first.through()
    expect(first.view().storage).toBe('file')
    await first.close()
    expect(await world.auth({ store: new FileSecretStore(file, logger) }).get()).toBe(200)
  })
})

test('memory keeps until it is deleted', async () => {
  const store = memorySecretStore()
  await store.set('a', '1')
  expect(await store.get('a')).toBe('1')
  await store.delete('a')
  expect(await store.get('a')).toBeUndefined()
})

describe('the desktop', () => {
  /** As a keyring does it, with a key that can be lost. */
  function keyring(more: Partial<Encryption> = {}) {
    let key = 7
    const ring: Encryption = {
      isAsyncEncryptionAvailable: async () => true,
      getSelectedStorageBackend: () => 'gnome_libsecret' as const,
      encryptStringAsync: async (text: string) => Buffer.from(`${key}:${text}`).map((it) => it ^ key) as Buffer,
      decryptStringAsync: async (bytes: Buffer) => {
        const text = Buffer.from(bytes.map((it) => it ^ key)).toString()
        if (!text.startsWith(`${key}:`)) throw new Error('wrong key')
        return { result: text.slice(2), shouldReEncrypt: false }
      },
      ...more,
    }
    const lose = () => {
      key = 9
    }
    return { ...ring, lose }
  }

  async function desktop(ring: Encryption, platform: NodeJS.Platform = 'linux') {
    const { dir, logs, logger } = await scene()
    const files = { encrypted: join(dir, 'encrypted.json'), plain: join(dir, 'plain.json') }
    return { files, logs, logger, store: await desktopSecretStore(ring, files, logger, platform) }
  }

  test('encrypts with the key of the system', async () => {
    const ring = keyring()
    const { store, files, logs } = await desktop(ring)
    expect(store.kind).toBe('safe-storage')
    await store.set('a', 'the secret')
    expect(await store.get('a')).toBe('the secret')
    const written = await readFile(files.encrypted, 'utf8')
    expect(written).not.toContain('the secret')
    expect(written).not.toContain(Buffer.from('the secret').toString('base64').slice(4, 12))
    expect(logs).toEqual([])
  })

  test('has nothing when the key is gone, and says so', async () => {
    const ring = keyring()
    const { store, logs } = await desktop(ring)
    await store.set('a', 'the secret')
    ring.lose()
    expect(await store.get('a')).toBeUndefined()
    expect(logs).toEqual([expect.stringContaining("can't be decrypted any more")])
  })

  test.each([
    ['there is no encryption', { isAsyncEncryptionAvailable: async () => false }],
    ['asking for it fails', { isAsyncEncryptionAvailable: () => Promise.reject(new Error('no bus')) }],
    ['its key is known to everybody', { getSelectedStorageBackend: () => 'basic_text' as const }],
    ['it does not know of a keyring', { getSelectedStorageBackend: () => 'unknown' as const }],
  ])('uses the file, with a warning, when %s', async (_, more) => {
    const { store, files, logs } = await desktop(keyring(more))
    expect(store.kind).toBe('file')
    await store.set('a', '1')
    expect(JSON.parse(await readFile(files.plain, 'utf8'))).toMatchObject({ secrets: { a: '1' } })
    expect(logs).toEqual([expect.stringContaining('no place for secrets'), expect.stringContaining('kept in a file')])
  })

  test.each(['darwin', 'win32'] as const)('on %s there is one backend, which is not asked for', async (platform) => {
    const ring = keyring({
      getSelectedStorageBackend: () => {
        throw new Error('Linux only')
      },
    })
    expect((await desktop(ring, platform)).store.kind).toBe('safe-storage')
  })
})
