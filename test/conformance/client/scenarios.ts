import type { Revision } from '../suite.ts'

/** The revisions that a client scenario can be run at; the oldest one knew no protected resource metadata. */
export type ClientRevision = Revision | '2025-03-26'

export interface ClientScenario {
  name: string
  revisions: readonly ClientRevision[]
}

const both: readonly ClientRevision[] = ['2025-11-25', '2026-07-28']
const legacy: readonly ClientRevision[] = ['2025-11-25']
const modern: readonly ClientRevision[] = ['2026-07-28']
const at = (revisions: readonly ClientRevision[], ...names: string[]): ClientScenario[] =>
  names.map((name) => ({ name, revisions }))

/** Each scenario for clients that the suite has, with the revisions at which it applies: all of them are run. */
export const clientScenarios: readonly ClientScenario[] = [
  ...at(legacy, 'initialize', 'elicitation-sep1034-client-defaults', 'sse-retry'),
  ...at(both, 'tools_call', 'json-schema-2020-12-preservation'),
  ...at(
    modern,
    'request-metadata',
    'sep-2322-client-request-state',
    'http-standard-headers',
    'http-custom-headers',
    'http-invalid-tool-headers',
    'json-schema-ref-no-deref',
  ),
  ...at(['2025-03-26'], 'auth/2025-03-26-oauth-metadata-backcompat', 'auth/2025-03-26-oauth-endpoint-fallback'),
  ...at(
    both,
    'auth/metadata-default',
    'auth/metadata-var1',
    'auth/metadata-var2',
    'auth/metadata-var3',
    'auth/basic-cimd',
    'auth/scope-from-www-authenticate',
    'auth/scope-from-scopes-supported',
    'auth/scope-omitted-when-undefined',
    'auth/scope-step-up',
    'auth/scope-retry-limit',
    'auth/token-endpoint-auth-basic',
    'auth/token-endpoint-auth-post',
    'auth/token-endpoint-auth-none',
    'auth/pre-registration',
  ),
  ...at(
    modern,
    'auth/resource-mismatch',
    'auth/offline-access-scope',
    'auth/offline-access-not-supported',
    'auth/authorization-server-migration',
    'auth/iss-supported',
    'auth/iss-not-advertised',
    'auth/iss-supported-missing',
    'auth/iss-wrong-issuer',
    'auth/iss-unexpected',
    'auth/iss-normalized',
    'auth/metadata-issuer-mismatch',
  ),
]

/** Scenarios that are not run, each with the reason. */
export const notApplicable: Readonly<Record<string, string>> = {
  'auth/client-credentials-jwt': 'an extension: a client without a person, which a desktop app is not',
  'auth/client-credentials-basic': 'an extension: a client without a person, which a desktop app is not',
  'auth/enterprise-managed-authorization': 'an extension: tokens of an identity provider of the enterprise',
  'auth/dpop': 'an extension: tokens that are bound to a key',
  'auth/dpop-nonce': 'an extension: tokens that are bound to a key',
  'auth/wif-jwt-bearer': 'an extension: the identity of a workload in a cloud',
  'sep-2640-client-no-prefetch': 'an extension: skills, which are the business of the client behind the gateway',
  'sep-2640-client-verify-digest': 'an extension: skills, which are the business of the client behind the gateway',
  'sep-2640-client-verify-size': 'an extension: skills, which are the business of the client behind the gateway',
  'sep-2640-client-verify-frontmatter': 'an extension: skills, which are the business of the client behind the gateway',
}
