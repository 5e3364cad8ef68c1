// Loaded into the host before its own code (`node --expose-gc --import probe.mjs out/cli/cli.js serve …`), with an IPC
// channel: tells from the inside what outlives its use. Sends the answer to {id, do: 'measure'} and
// {id, do: 'heap-snapshot', file}; {id, do: 'break', what} makes the host leak on purpose, to prove that a soak sees it.
import { ChildProcess, spawn } from 'node:child_process'
import diagnostics from 'node:diagnostics_channel'
import { openSync, readdirSync, readlinkSync } from 'node:fs'
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import v8 from 'node:v8'

const timer = setTimeout(() => {}, 0)
const Timeout = timer.constructor
clearTimeout(timer)

/** Classes of which a host at rest has a fixed number. queryObjects collects garbage first, so that only the reachable count. */
const watched = { Timeout, ChildProcess, Socket, ServerResponse, AbortController, AbortSignal, Promise }

async function measure() {
  // FinalizationRegistry callbacks run in a turn of their own, and free what the next collection takes.
  for (let i = 0; i < 4; i++) {
    globalThis.gc()
    await turn()
  }
  const objects = Object.fromEntries(
    Object.entries(watched).map(([name, type]) => [name, v8.queryObjects(type, { format: 'count' })]),
  )
  globalThis.gc()
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
  return { heapUsed, external, arrayBuffers, rss, objects, resources: resources(), descriptors: descriptors() }
}

/** What keeps the loop alive; unref'd timers are not among it, they count as Timeout objects. */
function resources() {
  const counts = {}
  for (const type of process.getActiveResourcesInfo()) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

/** Open descriptors by kind; null where there is no /proc. */
function descriptors() {
  if (process.platform !== 'linux') return null
  const counts = {}
  for (const descriptor of readdirSync('/proc/self/fd')) {
    let target
    try {
      target = readlinkSync(`/proc/self/fd/${descriptor}`)
    } catch {
      continue // the one that reads the folder
    }
    const kind = target.startsWith('/') ? 'file' : target.replace(/:?\[.*/, '')
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

const everlasting = new EventTarget()
const leaked = []
const breaks = {
  /** A listener that is never taken off: everything that it closes over stays. */
  listener() {
    const kept = new Array(64).fill(0)
    everlasting.addEventListener('end', () => kept.length)
  },
  timer: () => setTimeout(() => {}, 3_600_000).unref(),
  descriptor: () => leaked.push(openSync('/dev/null', 'r')),
}

/** Requests to one leak: all of them would end the machine's patience for descriptors. */
const requestsToALeak = { listener: 1, timer: 50, descriptor: 200 }

function breakOnPurpose(what) {
  if (what === 'process') {
    spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).unref()
    return
  }
  let requests = 0
  diagnostics.channel('http.server.request.start').subscribe(() => {
    if (requests++ % requestsToALeak[what] === 0) breaks[what]()
  })
}

const answers = {
  measure,
  'heap-snapshot': ({ file }) => v8.writeHeapSnapshot(file),
  break: ({ what }) => breakOnPurpose(what),
}

process.on('message', async (message) => {
  const answer = await answers[message.do](message)
  process.send({ id: message.id, answer })
})
// The channel must not be what keeps a host alive that has stopped.
process.channel.unref()
