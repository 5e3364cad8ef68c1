import type { JsonText } from '../../upstream/types.ts'
import { elementsOf, memberOf, withMember } from '../json/members.ts'
import { exposedName, exposedUri, type Namespace } from './namespaces.ts'

/** What the lists hold, and by which member an item is known. */
export const lists = {
  'tools/list': { items: 'tools', key: 'name' },
  'prompts/list': { items: 'prompts', key: 'name' },
  'resources/list': { items: 'resources', key: 'uri' },
  'resources/templates/list': { items: 'resourceTemplates', key: 'uriTemplate' },
} as const
export type ListMethod = keyof typeof lists

export const isListMethod = (method: string): method is ListMethod => Object.hasOwn(lists, method)

/** `object` with a string member changed; untouched when it has none. */
function withString(object: JsonText, key: string, change: (value: string) => string): JsonText {
  const value = memberOf(object, key)
  if (!value?.startsWith('"')) return object
  return withMember(object, key, JSON.stringify(change(JSON.parse(value) as string)))
}

/** An item of a list under the name that it has among all upstreams. */
export function exposedItem(method: ListMethod, namespace: Namespace, item: JsonText): JsonText {
  const { key } = lists[method]
  return withString(item, key, (value) =>
    key === 'name' ? exposedName(namespace, value) : exposedUri(namespace, value),
  )
}

/** A result whose URIs lead back here: contents that were read, resources in a tool's or prompt's content. */
export function exposedResult(method: string, namespace: Namespace, result: JsonText): JsonText {
  if (!result.includes('"uri"')) return result
  const uri = (object: JsonText) => withString(object, 'uri', (value) => exposedUri(namespace, value))
  const block = (content: JsonText): JsonText => {
    const type = memberOf(content, 'type')
    if (type === '"resource_link"') return uri(content)
    const resource = type === '"resource"' ? memberOf(content, 'resource') : undefined
    return resource?.startsWith('{') ? withMember(content, 'resource', uri(resource)) : content
  }
  switch (method) {
    case 'resources/read':
      return mapArray(result, 'contents', uri)
    case 'tools/call':
      return mapArray(result, 'content', block)
    case 'prompts/get':
      return mapArray(result, 'messages', (message) => {
        const content = memberOf(message, 'content')
        if (content?.startsWith('[')) return mapArray(message, 'content', block)
        return content?.startsWith('{') ? withMember(message, 'content', block(content)) : message
      })
    default:
      return result
  }
}

function mapArray(object: JsonText, key: string, change: (element: JsonText) => JsonText): JsonText {
  const array = memberOf(object, key)
  if (!array?.startsWith('[')) return object
  return withMember(
    object,
    key,
    `[${elementsOf(array)
      .map((e) => (e.startsWith('{') ? change(e) : e))
      .join(',')}]`,
  )
}

/** `notifications/resources/updated` under the URI that the client knows. */
export function exposedUpdate(namespace: Namespace, message: JsonText): JsonText {
  const params = memberOf(message, 'params')
  if (!params?.startsWith('{')) return message
  return withMember(
    message,
    'params',
    withString(params, 'uri', (uri) => exposedUri(namespace, uri)),
  )
}
