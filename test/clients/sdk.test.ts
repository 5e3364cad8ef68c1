import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Served, serve } from '../support/serve.ts'
import { sdkClients } from './sdk-clients.ts'

/** The clients of the SDK, both versions and both eras, before a server of each era that has everything they can ask for. */

const fixture = resolve(import.meta.dirname, '../conformance/fixture/server.ts')
const entry = (era: string) => ({ command: process.execPath, args: [fixture, 'stdio', '--era', era] })

/** The machine may be busy; what does not come at all is what fails. */
const patient = { timeout: 10_000 }

let served: Served
beforeAll(async () => {
  served = await serve({ config: { mcpServers: { legacy: entry('legacy'), modern: entry('modern') } } })
})
afterAll(async () => {
  await served.stop()
})

describe.each(Object.keys(sdkClients))('%s', (kind) => {
  describe.each(['legacy', 'modern'])('before a %s server', (era) => {
    const connect = async () => {
      const client = await sdkClients[kind]?.(served.ready.mcp[era] ?? '', served.ready.token)
      if (!client) throw new Error(`There is no client ${kind}`)
      onTestFinished(() => client.close().catch(() => undefined))
      return client
    }
    const textOf = async (call: Promise<{ content: { text?: string }[] }>) => (await call).content[0]?.text

    test('lists and calls tools; a failing one is an error of the tool', async () => {
      const client = await connect()
      expect(await client.tools()).toEqual(expect.arrayContaining(['test_simple_text', 'json_schema_2020_12_tool']))
      expect(await textOf(client.call('test_simple_text'))).toBe('This is a simple text response for testing.')
      expect(await client.call('test_error_handling')).toMatchObject({ isError: true })
    })

    test('gets prompts, resources, templates and completions', async () => {
      const client = await connect()
      expect(await client.prompts()).toContain('test_prompt_with_arguments')
      const prompt = await client.prompt('test_prompt_with_arguments', { arg1: 'eins', arg2: 'zwei' })
      expect(JSON.stringify(prompt)).toContain("arg1='eins', arg2='zwei'")
      expect(await client.read('test://static-text')).toMatchObject({ contents: [{ mimeType: 'text/plain' }] })
      expect(await client.templates()).toEqual(['test://template/{id}/data'])
      expect(JSON.stringify(await client.read('test://template/42/data'))).toContain('Data for ID: 42')
      expect(await client.complete()).toMatchObject({ completion: { values: [] } })
      await expect(client.read('test://nothing')).rejects.toMatchObject({ code: expect.toBeOneOf([-32602, -32002]) })
    })

    test('hears of progress before the result, each step once and in order', async () => {
      const client = await connect()
      const seen: unknown[] = []
      await client.call('test_tool_with_progress', {}, { onprogress: ({ progress }) => seen.push(progress) })
      expect(seen).toEqual([0, 50, 100])
    })

    test('is asked for a completion, by its user, and for its roots, while its call waits', async () => {
      const client = await connect()
      expect(await textOf(client.call('test_sampling', { prompt: 'hi' }))).toContain('sampled by the client')
      expect(await textOf(client.call('test_elicitation', { message: 'hi' }))).toContain('typed by the user')
      expect(await textOf(client.call('test_input_required_result_list_roots'))).toContain('file:///of/the/client')
      expect(JSON.stringify(await client.prompt('test_input_required_result_prompt'))).toContain('here')
    })

    test('is asked several times within one call', async () => {
      const client = await connect()
      expect(await textOf(client.call('test_input_required_result_multi_round'))).toContain('Ada likes')
      expect(await textOf(client.call('test_input_required_result_multiple_inputs'))).toContain('Ada')
    })

    test('hears that the tools changed', async () => {
      const client = await connect()
      let heard = 0
      await client.onToolsChanged(() => heard++)
      // A legacy client opens its stream on its own time.
      await expect
        .poll(async () => (await client.call('test_trigger_tool_change')) && heard, patient)
        .toBeGreaterThan(0)
    })

    test('cancels a call, and the process serves the next one', async () => {
      const client = await connect()
      const cancel = new AbortController()
      const call = client.call('test_wait', {}, { signal: cancel.signal }).catch((error: unknown) => error)
      const inFlight = async () => (await served.command('snapshot.get', {})).gateway.requestsInFlight
      await expect.poll(inFlight, patient).toBe(1)
      cancel.abort()
      expect(await call).toBeInstanceOf(Error)
      expect(await textOf(client.call('test_simple_text'))).toContain('simple text')
      await expect.poll(inFlight, patient).toBe(0)
    })

    // The modern era has no logging/setLevel: a request carries its level.
    const hasSetLevel = kind === 'SDK 1' || kind === 'SDK 2, legacy'
    if (hasSetLevel)
      test('sets the level of the log for itself', async () => {
        const [client, other] = [await connect(), await connect()]
        const [mine, theirs]: unknown[][] = [[], []]
        await client.logs?.('debug', (data) => mine?.push(data))
        await other.logs?.('error', (data) => theirs?.push(data))
        await Promise.all([client.call('test_tool_with_logging'), other.call('test_tool_with_logging')])
        expect(mine).toEqual(['Tool execution started', 'Tool processing data', 'Tool execution completed'])
        expect(theirs).toEqual([])
      })
  })
})

test('200 calls by clients of every kind at once: each answer with its caller, and no more processes than allowed', async () => {
  const connects = Object.values(sdkClients).flatMap((connect) =>
    ['legacy', 'modern'].map((era) => connect(served.ready.mcp[era] ?? '', served.ready.token)),
  )
  const clients = await Promise.all(connects)
  onTestFinished(() => Promise.all(clients.map((client) => client.close().catch(() => undefined))).then(() => {}))
  await Promise.all(
    clients.map(async (client, c) => {
      for (let i = 0; i < 25; i++) {
        const answer = await client.prompt('test_prompt_with_arguments', { arg1: `client ${c}`, arg2: `call ${i}` })
        expect(JSON.stringify(answer)).toContain(`arg1='client ${c}', arg2='call ${i}'`)
      }
    }),
  )
  const { upstreams } = await served.command('snapshot.get', {})
  for (const { pool } of upstreams) expect(pool.idle + pool.leased + pool.spawning).toBeLessThanOrEqual(pool.max)
})
