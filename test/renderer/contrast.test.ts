import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

/** WCAG 2.2, 1.4.3: small text against its ground. */
const smallText = 4.5
/** WCAG 2.2, 1.4.11: what a graphic needs to be understood. */
const graphics = 3

const css = readFileSync(resolve(import.meta.dirname, '../../renderer/styles.css'), 'utf8')
const tokens = new Map(
  [...css.matchAll(/--color-([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/g)].map(
    ([, name, light, dark]) => [name ?? '', { light: light ?? '', dark: dark ?? '' }],
  ),
)

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: string, b: string, theme: 'light' | 'dark'): number {
  const [one, other] = [a, b].map((name) => {
    const token = tokens.get(name)
    if (!token) throw new Error(`styles.css has no --color-${name}`)
    return luminance(token[theme]) + 0.05
  }) as [number, number]
  return Math.max(one, other) / Math.min(one, other)
}

const states = ['idle', 'active', 'starting', 'draining', 'backoff', 'dead', 'ok']

describe.each(['light', 'dark'] as const)('contrast in the %s theme', (theme) => {
  test.each(['ink', 'ink-2', 'ink-3'])('%s can be read on every surface', (ink) => {
    for (const ground of ['canvas', 'panel', 'raised', 'hover'])
      expect(contrast(ink, ground, theme), `${ink} on ${ground}`).toBeGreaterThanOrEqual(smallText)
  })

  test.each(states)('%s can be read on a panel, on its own ground and on a selected row', (state) => {
    for (const ground of ['panel', 'canvas', `${state}-soft`])
      expect(contrast(`${state}-ink`, ground, theme), `${state}-ink on ${ground}`).toBeGreaterThanOrEqual(smallText)
  })

  test.each(states)('the bar of %s can be told from its panel', (state) => {
    expect(contrast(state, 'panel', theme)).toBeGreaterThanOrEqual(graphics)
  })

  test('buttons can be read', () => {
    for (const ground of ['accent', 'accent-hover', 'danger'])
      expect(contrast('on-accent', ground, theme), ground).toBeGreaterThanOrEqual(smallText)
    expect(contrast('accent-ink', 'accent-soft', theme)).toBeGreaterThanOrEqual(smallText)
  })
})
