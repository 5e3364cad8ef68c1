import { isolationSchema, protocolSchema } from '../../../shared/config.ts'
import { Field, Input, Select, type SelectItem, TextArea } from '../../components/index.ts'
import type { Transport } from './form.ts'
import { OAuthInputs } from './oauth-inputs.tsx'
import { PairRows } from './pair-rows.tsx'
import { said } from './said.ts'
import type { Editor } from './use-editor.ts'

const transports: SelectItem<Transport>[] = [
  { value: 'stdio', label: 'Command (stdio)', hint: 'A program that runs here' },
  { value: 'http', label: 'URL (HTTP)', hint: 'Finds out which transport it speaks' },
  { value: 'sse', label: 'URL (old SSE)', hint: 'HTTP+SSE of 2024-11-05, for certain' },
]

/** Select has no empty value of its own; this one stands for "not set". */
const unset = 'unset'

const protocolHints: Record<string, string> = {
  auto: 'Finds out by itself',
  legacy: 'With the initialize handshake',
  modern: 'Stateless, from 2026-07-28',
  jsonrpc: 'Plain JSON-RPC lines, no MCP',
}
const protocols: SelectItem<string>[] = [
  { value: unset, label: 'Default (auto)' },
  ...protocolSchema.options.map((value) => ({ value, label: value, hint: protocolHints[value] ?? '' })),
]

const isolationHints: Record<string, string> = {
  shared: 'Any request on any connection',
  session: 'A connection of its own for each client session',
  multiplex: 'Several requests at once on one connection',
}
const isolations: SelectItem<string>[] = [
  { value: unset, label: 'Default (shared)' },
  ...isolationSchema.options.map((value) => ({ value, label: value, hint: isolationHints[value] ?? '' })),
]

/** Which server, and how it is started or reached. */
export function ServerFields({ editor }: { editor: Editor }) {
  const { form, change, mode } = editor
  return (
    <section aria-label="Server" className="grid grid-cols-[minmax(0,1fr)_200px] gap-x-3 gap-y-2.5">
      <Field {...said(editor, 'name')} label="Name" hint={nameHint(mode)}>
        <Input
          data-field="name"
          value={form.name}
          disabled={mode === 'edit'}
          onValueChange={(name) => change({ name })}
          placeholder="github"
        />
      </Field>
      <Field label="Reached by" hint={transports.find(({ value }) => value === form.transport)?.hint}>
        <Select items={transports} value={form.transport} onValueChange={(transport) => change({ transport })} />
      </Field>
      {form.transport === 'stdio' ? <StdioFields editor={editor} /> : <HttpFields editor={editor} />}
      <div className="col-span-2 grid grid-cols-2 gap-3">
        <Field {...said(editor, 'protocol')} label="Protocol">
          <Select
            items={protocols}
            value={form.protocol || unset}
            onValueChange={(value) => change({ protocol: value === unset ? '' : value })}
          />
        </Field>
        <Field {...said(editor, 'isolation')} label="Isolation">
          <Select
            items={isolations}
            value={form.isolation || unset}
            onValueChange={(value) => change({ isolation: value === unset ? '' : value })}
          />
        </Field>
      </div>
    </section>
  )
}

const nameHint = (mode: 'add' | 'edit') =>
  mode === 'add' ? 'Stands in the URL that clients use.' : 'Stands in clients’ URLs, so it can’t be changed.'

function StdioFields({ editor }: { editor: Editor }) {
  const { form, change, check } = editor
  const resolved = check.current && check.resolvedCommand ? `Runs ${check.resolvedCommand}` : undefined
  return (
    <>
      <Field {...said(editor, 'command')} label="Command" hint={resolved} className="col-span-2">
        <Input
          mono
          data-field="command"
          value={form.command}
          onValueChange={(command) => change({ command })}
          placeholder="npx"
        />
      </Field>
      <Field
        {...said(editor, 'args')}
        label="Arguments"
        hint="One on each line. Nothing is split or quoted: what stands there is what the program gets."
        className="col-span-2"
      >
        <TextArea
          mono
          data-field="args"
          rows={Math.min(8, Math.max(3, form.args.split('\n').length))}
          value={form.args}
          onValueChange={(args) => change({ args })}
          placeholder={'-y\n@modelcontextprotocol/server-everything'}
        />
      </Field>
      <div className="col-span-2" data-field="env">
        <PairRows
          title="Environment"
          one="variable"
          field="env"
          rows={form.env}
          onChange={(env) => change({ env })}
          finding={editor.finding}
        />
      </div>
      <Field {...said(editor, 'cwd')} label="Working directory" hint="Empty: the host’s own." className="col-span-2">
        <Input mono data-field="cwd" value={form.cwd} onValueChange={(cwd) => change({ cwd })} placeholder="/path" />
      </Field>
    </>
  )
}

function HttpFields({ editor }: { editor: Editor }) {
  const { form, change } = editor
  return (
    <>
      <Field {...said(editor, 'url')} label="URL" className="col-span-2">
        <Input
          mono
          data-field="url"
          type="url"
          value={form.url}
          onValueChange={(url) => change({ url })}
          placeholder="https://example.com/mcp"
        />
      </Field>
      <div className="col-span-2" data-field="headers">
        <PairRows
          title="Headers"
          one="header"
          field="headers"
          rows={form.headers}
          onChange={(headers) => change({ headers })}
          finding={editor.finding}
          hint="A secret is best kept in a variable of the host’s environment: Authorization, Bearer ${TOKEN}."
        />
      </div>
      <OAuthInputs editor={editor} />
    </>
  )
}
