import { EventEmitter } from 'node:events'

type Handler = (event: unknown, ...args: unknown[]) => unknown

class IpcMain extends EventEmitter {
  readonly handlers = new Map<string, Handler>()

  handle = (channel: string, handler: Handler) => {
    if (this.handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`)
    this.handlers.set(channel, handler)
  }
  removeHandler = (channel: string) => void this.handlers.delete(channel)
}

export const ipcMain = new IpcMain()

/**
 * Text of a value that may cross. Electron would carry Maps, Dates and more; the app keeps to plain JSON, because the
 * same contract crosses HTTP, and this is where a slip is found.
 *
 * @throws TypeError naming the path of what is not plain JSON
 */
export function toWire(value: unknown): string {
  assertPlainJson(value, 'payload')
  return JSON.stringify(value) ?? 'null'
}

function assertPlainJson(value: unknown, path: string): void {
  if (value === null || ['undefined', 'string', 'boolean'].includes(typeof value)) return
  if (typeof value === 'number' && Number.isFinite(value)) return
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (item === undefined) throw new TypeError(`IPC ${path}[${index}] is not plain JSON: undefined`)
      assertPlainJson(item, `${path}[${index}]`)
    }
    return
  }
  const prototype = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(
      `IPC ${path} is not plain JSON: ${typeof value === 'object' ? value.constructor.name : String(value)}`,
    )
  for (const [key, item] of Object.entries(value as object)) assertPlainJson(item, `${path}.${key}`)
}
