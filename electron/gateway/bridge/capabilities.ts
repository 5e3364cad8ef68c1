import { isObject } from '../message.ts'

type Capabilities = Record<string, unknown>

/**
 * The client capability that a server's request needs, in the shape of `ClientCapabilities`. Undefined for what is no
 * input request (specification 2026-07-28, "Multi round-trip requests").
 */
export function requiredCapabilities(method: string, params: unknown): Capabilities | undefined {
  const values = isObject(params) ? params : {}
  switch (method) {
    case 'elicitation/create':
      return { elicitation: values.mode === 'url' ? { url: {} } : { form: {} } }
    case 'sampling/createMessage':
      return { sampling: values.tools !== undefined || values.toolChoice !== undefined ? { tools: {} } : {} }
    case 'roots/list':
      return { roots: {} }
    default:
      return undefined
  }
}

/** What of `required` the client did not declare; undefined when nothing is missing. */
export function missingCapabilities(required: Capabilities, declared: Capabilities): Capabilities | undefined {
  const missing: Capabilities = {}
  for (const [name, members] of Object.entries(required)) {
    const has = declared[name]
    if (has === undefined || has === null) missing[name] = members
    else if (isObject(members) && isObject(has)) {
      const absent = Object.entries(members).filter(([member]) => !(member in has) && !impliesForm(name, member, has))
      if (absent.length > 0) missing[name] = Object.fromEntries(absent)
    }
  }
  return Object.keys(missing).length > 0 ? missing : undefined
}

/** Before there were modes a client declared a bare `elicitation: {}`, and meant forms. */
const impliesForm = (name: string, member: string, has: Capabilities): boolean =>
  name === 'elicitation' && member === 'form' && !('url' in has)
