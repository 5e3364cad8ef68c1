import { describe, expect, test } from 'vitest'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatPercent,
  formatRate,
  plural,
} from '../../renderer/components/format.ts'

describe('figures as people read them', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1_234, '1,234'],
    [12_345, '12.3k'],
    [234_567, '235k'],
    [4_500_000, '4.5M'],
  ])('count %d', (value, text) => expect(formatCount(value)).toBe(text))

  test.each([
    [0, '0 B'],
    [2_048, '2 KiB'],
    [50_541_363, '48.2 MiB'],
    [500 * 1024 * 1024, '500 MiB'],
    [1.25 * 1024 ** 3, '1.25 GiB'],
  ])('bytes %d', (value, text) => expect(formatBytes(value)).toBe(text))

  test.each([
    [0.4234, '0.42 ms'],
    [4.23, '4.2 ms'],
    [42.4, '42 ms'],
    [1_250, '1.25 s'],
    [12_340, '12.3 s'],
    [125_000, '2m 5s'],
  ])('latency %d', (value, text) => expect(formatMs(value)).toBe(text))

  test.each([
    [-5, '0s'],
    [999, '0s'],
    [3_000, '3s'],
    [60_000, '1m'],
    [125_000, '2m 5s'],
    [3_600_000, '1h'],
    [15_000_000, '4h 10m'],
    [266_400_000, '3d 2h'],
  ])('duration %d', (value, text) => expect(formatDuration(value)).toBe(text))

  test('what is missing is a dash, not a zero', () => {
    for (const format of [formatCount, formatBytes, formatMs, formatDuration, formatRate, formatPercent]) {
      expect(format(null)).toBe('–')
      expect(format(undefined)).toBe('–')
    }
  })

  test('plurals', () => {
    expect(plural(1, 'request')).toBe('1 request')
    expect(plural(0, 'request')).toBe('0 requests')
    expect(plural(2, 'process', 'processes')).toBe('2 processes')
  })
})
