import type { ProcessProfile } from '../../upstream/types.ts'
import type { Backend } from '../backend.ts'
import type { Target } from '../targets.ts'
import type { UpstreamDirectory } from '../types.ts'
import { type Namespace, namespacesOf, schemeOf } from './namespaces.ts'

/** What serves a client's requests at one upstream. */
export interface Connected {
  backend: Backend
  profile: ProcessProfile | undefined
}

/** One of the upstreams behind the common URL. */
export interface Member {
  namespace: Namespace
  target: Target
  /** @returns why the last attempt to reach it failed, as long as none has gone well since */
  failing(): string | undefined
}

/** The upstreams that take part: those that are enabled and speak MCP. */
export class Members {
  readonly #upstreams: UpstreamDirectory
  readonly #targetOf: (upstream: ReturnType<UpstreamDirectory['get']> & object) => Target

  constructor(
    upstreams: UpstreamDirectory,
    targetOf: (upstream: NonNullable<ReturnType<UpstreamDirectory['get']>>) => Target,
  ) {
    this.#upstreams = upstreams
    this.#targetOf = targetOf
  }

  all(): Member[] {
    const upstreams = [...this.#upstreams.all()].filter(({ config }) => config.enabled && config.protocol !== 'jsonrpc')
    const namespaces = namespacesOf(upstreams.map(({ name }) => name))
    return upstreams.flatMap((upstream, i) => {
      const namespace = namespaces[i]
      if (!namespace) return []
      const failing = () => {
        const { state, lastFailure } = upstream.view()
        return state === 'failing' ? (lastFailure?.message ?? 'it can not be reached') : undefined
      }
      return [{ namespace, target: this.#targetOf(upstream), failing }]
    })
  }

  byPrefix(prefix: string): Member | undefined {
    return this.all().find(({ namespace }) => namespace.prefix === prefix)
  }

  byScheme(scheme: string): Member | undefined {
    return this.all().find(({ namespace }) => schemeOf(namespace) === scheme)
  }
}
