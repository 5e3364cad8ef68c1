// Runs inside the page, as text: one bridge() in the main world, one in the preload's isolated world. DOM events cross
// between the worlds synchronously and clone their detail, which is what contextBridge promises.

// biome-ignore-start lint/correctness/noUnusedVariables: called by the script that web-contents.ts puts behind this text
function bridge(me, other) {
  const prefix = '__standin:'
  const functions = []
  const waiting = new Map()
  let sequence = 0
  let returned
  const isPlain = (value) => Object.prototype.toString.call(value) === '[object Object]'
  const mapValues = (object, change) => Object.fromEntries(Object.entries(object).map(([k, v]) => [k, change(v)]))
  const encode = (value) => {
    if (typeof value === 'function') return { $function: functions.push(value) - 1 }
    if (Array.isArray(value)) return value.map(encode)
    return isPlain(value) ? mapValues(value, encode) : value
  }
  const decode = (value) => {
    if (Array.isArray(value)) return value.map(decode)
    if (!isPlain(value)) return value
    return '$function' in value ? (...args) => call(value.$function, args) : mapValues(value, decode)
  }
  const send = (message) => window.dispatchEvent(new CustomEvent(prefix + other, { detail: structuredClone(message) }))
  const call = (target, args) => {
    const id = ++sequence
    send({ type: 'call', id, target, args: encode(args) })
    const answer = returned // set by the other world during send()
    returned = undefined
    if (answer.type === 'threw') throw new Error(answer.message)
    if (answer.type === 'promised') return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
    return decode(answer.value)
  }
  const settle = (id, how, value) => {
    waiting.get(id)?.[how](value)
    waiting.delete(id)
  }
  const text = (error) => String(error?.message ?? error)
  const run = ({ id, target, args }) => {
    try {
      const value = functions[target](...decode(args))
      if (typeof value?.then !== 'function') return send({ type: 'returned', value: encode(value) })
      send({ type: 'promised' })
      value.then(
        (result) => send({ type: 'resolved', id, value: encode(result) }),
        (error) => send({ type: 'rejected', id, message: text(error) }),
      )
    } catch (error) {
      send({ type: 'threw', message: text(error) })
    }
  }
  const freeze = (value) => {
    if (isPlain(value)) Object.values(value).forEach(freeze)
    return Object.freeze(value)
  }
  const expose = ({ key, api }) => Object.defineProperty(window, key, { value: freeze(decode(api)), enumerable: true })
  window.addEventListener(prefix + me, ({ detail }) => {
    if (detail.type === 'call') run(detail)
    else if (detail.type === 'resolved') settle(detail.id, 'resolve', decode(detail.value))
    else if (detail.type === 'rejected') settle(detail.id, 'reject', new Error(detail.message))
    else if (detail.type === 'expose') expose(detail)
    else returned = detail
  })
  return { expose: (key, api) => send({ type: 'expose', key, api: encode(api) }) }
}

// What a sandboxed preload finds as `require` and `process`.
function preloadScope(processInfo) {
  const peer = bridge('preload', 'main')
  const listeners = new Map()
  const pending = new Map()
  let sequence = 0
  const post = (message) => globalThis.__toStandin(JSON.stringify(message))
  globalThis.__fromStandin = (message) => {
    if (message.type === 'event') {
      for (const listener of [...(listeners.get(message.channel) ?? [])])
        listener({ sender: ipcRenderer, ports: [] }, ...message.args)
      return
    }
    const { resolve, reject } = pending.get(message.id)
    pending.delete(message.id)
    if ('error' in message) reject(new Error(message.error))
    else resolve(message.value)
  }
  const ipcRenderer = {
    invoke: (channel, ...args) =>
      new Promise((resolve, reject) => {
        structuredClone(args)
        pending.set(++sequence, { resolve, reject })
        post({ type: 'invoke', id: sequence, channel, args })
      }),
    send: (channel, ...args) => post({ type: 'send', channel, args: structuredClone(args) }),
    on: (channel, listener) => {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener])
      return ipcRenderer
    },
    off: (channel, listener) => {
      listeners.set(
        channel,
        (listeners.get(channel) ?? []).filter((other) => other !== listener),
      )
      return ipcRenderer
    },
  }
  const electron = { ipcRenderer, contextBridge: { exposeInMainWorld: peer.expose } }
  return {
    require: (id) => {
      if (id === 'electron') return electron
      throw new Error(`module not found: ${id} (a sandboxed preload can require only electron)`)
    },
    process: { ...processInfo, type: 'renderer', sandboxed: true, contextIsolated: true },
  }
}
// biome-ignore-end lint/correctness/noUnusedVariables: as above
