import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

  describe('a planted violation is found', () => {
    const tree = mkdtempSync(join(tmpdir(), 'poolscope-rooms-'))
    const clean: string[] = []
    beforeAll(() => {
      for (const folder of folders) cpSync(join(root, folder), join(tree, folder), { recursive: true })
      clean.push(...violations(tree))
    })
    afterAll(() => rmSync(tree, { recursive: true }))

    test.each([
      ['electron/pool/planted.ts', "import '../process/spawn.ts'"],
      ['electron/kit/planted.ts', "export * from '../pool/types.ts'"],
      ['electron/pool/planted.ts', "import { spawnTree, type Spawned } from '../process/types.ts'"],
      ['electron/upstream/planted.ts', "const it = await import('../gateway/gateway.ts')"],
      ['electron/gateway/planted.ts', "type Runner = import('../bench/runner.ts').Runner"],
      ['electron/telemetry/planted.ts', "import type { StdioUpstream } from '../upstream/stdio-upstream.ts'"],
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
    ])('%s: %s', (file, code) => {
      const path = join(tree, file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, code)
      const found = violations(tree).filter((it) => !clean.includes(it))
      rmSync(path)
      expect(found).toHaveLength(1)
      expect(found[0]).toContain(file)
    })

    test('types of a seam may be imported against the direction', () => {
      const path = join(tree, 'electron/telemetry/planted.ts')
      writeFileSync(path, "import type { Upstream } from '../upstream/types.ts'")
      expect(violations(tree)).toEqual(clean)
      rmSync(path)
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
      'telemetry',
      'config',
      'host',
      'shell',
      'cli.ts',
    ])
      expect(inElectron).toContain(room)
  })
})
