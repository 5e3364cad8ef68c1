import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readImports } from './imports.ts'
import { violation } from './rules.ts'

const root = resolve(import.meta.dirname, '../..')
const folders = ['shared', 'electron', 'renderer']
const violations = (tree: string) => readImports(tree, folders).flatMap((it) => violation(it) ?? [])

describe('import direction', () => {
  test('every import of the product goes the way of the design', () => {
    const imports = readImports(root, folders)
    expect(imports.length).toBeGreaterThan(100)
    expect(imports.flatMap((it) => violation(it) ?? [])).toEqual([])
  })

  describe('in a tree of its own', () => {
    const tree = mkdtempSync(join(tmpdir(), 'poolscope-rooms-'))
    afterAll(() => rmSync(tree, { recursive: true }))

    /** @returns the violations of a tree that holds this one file */
    function plant(file: string, code: string): string[] {
      for (const folder of folders) rmSync(join(tree, folder), { recursive: true, force: true })
      for (const folder of [...folders, dirname(file)]) mkdirSync(join(tree, folder), { recursive: true })
      writeFileSync(join(tree, file), code)
      return violations(tree)
    }

    test.each([
      ['electron/pool/planted.ts', "import '../process/spawn.ts'"],
      ['electron/auth/planted.ts', "import '../config/expand.ts'"],
      ['electron/kit/planted.ts', "export * from '../pool/types.ts'"],
      ['electron/pool/planted.ts', "import { spawnTree, type Spawned } from '../process/types.ts'"],
      ['electron/upstream/planted.ts', "const it = await import('../gateway/gateway.ts')"],
      ['electron/upstream/planted.ts', 'const it = await import(process.argv[2])'],
      ['electron/gateway/planted.ts', "type Runner = import('../bench/runner.ts').Runner"],
      ['electron/telemetry/planted.ts', "import type { PooledUpstream } from '../upstream/pooled-upstream.ts'"],
      ['electron/bridge/planted.ts', "import '../gateway/gateway.ts'"],
      ['electron/host/planted.ts', "import { app } from 'electron'"],
      ['electron/host/planted.ts', "import { setupIpc } from '../shell/ipc.ts'"],
      ['electron/cli.ts', "import './shell/main.ts'"],
      ['electron/demo-server.ts', "import './kit/ring.ts'"],
      ['electron/start/planted.mjs', "import { execa } from 'execa'"],
      ['shared/planted.ts', "import { ring } from '../electron/kit/ring.ts'"],
      ['shared/planted.ts', "import React from 'react'"],
      ['renderer/planted.tsx', "import type { Host } from '../electron/host/host.ts'"],
      ['renderer/planted.tsx', "import { readFileSync } from 'node:fs'"],
      ['electron/elsewhere/planted.ts', "import '../kit/ring.ts'"],
      ['electron/host/planted.ts', "import { helper } from '../../test/support/helper.ts'"],
    ])('a violation in %s is found: %s', (file, code) => {
      expect(plant(file, code)).toEqual([expect.stringContaining(file)])
    })

    test.each([
      ['electron/telemetry/planted.ts', "import type { Upstream } from '../upstream/types.ts'"],
      ['electron/host/planted.ts', "import { Pool } from '../pool/pool.ts'\nimport { execa } from 'execa'"],
      ['electron/shell/planted.ts', "import { app } from 'electron'\nimport type { Host } from '../host/host.ts'"],
      ['renderer/planted.tsx', "import React from 'react'\nimport { commands } from '../shared/contract.ts'"],
    ])('what the design allows in %s is left alone: %s', (file, code) => {
      expect(plant(file, code)).toEqual([])
    })
  })

  test('every room of the design is there', () => {
    const inElectron = readdirSync(join(root, 'electron'))
    for (const room of [
      'kit',
      'pool',
      'process',
      'upstream',
      'gateway',
      'bridge',
      'telemetry',
      'config',
      'auth',
      'host',
      'shell',
      'cli.ts',
    ])
      expect(inElectron).toContain(room)
  })
})
