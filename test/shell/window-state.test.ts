import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fitInto, readWindowState, writeWindowState } from '../../electron/shell/window-state.ts'

const folder = mkdtempSync(join(tmpdir(), 'poolscope-window-'))
const file = join(folder, 'window.json')
afterAll(() => rmSync(folder, { recursive: true }))

test('what was saved is read again', () => {
  const state = { bounds: { x: -20, y: 10, width: 1000, height: 700 }, maximized: true }
  writeWindowState(file, state)
  expect(readWindowState(file)).toEqual(state)
})

test('a missing or spoilt file counts as a first start', () => {
  expect(readWindowState(join(folder, 'missing.json'))).toBeUndefined()
  for (const text of [
    '',
    '{',
    '{"bounds":{"x":0,"y":0,"width":0,"height":5},"maximized":false}',
    '{"maximized":true}',
  ]) {
    writeFileSync(file, text)
    expect(readWindowState(file)).toBeUndefined()
  }
})

test('a window from an unplugged screen is moved and shrunk into the one that is there', () => {
  const area = { x: 0, y: 25, width: 1440, height: 875 }
  expect(fitInto({ x: 3000, y: -500, width: 1280, height: 800 }, area)).toEqual({
    x: 160,
    y: 25,
    width: 1280,
    height: 800,
  })
  expect(fitInto({ x: -50, y: 300, width: 4000, height: 3000 }, area)).toEqual(area)
  const inside = { x: 100, y: 50, width: 1000, height: 600 }
  expect(fitInto(inside, area)).toEqual(inside)
})
