/** All of this room that needs the SDK, which is large: loaded when a server asks for credentials, not before. */
export { authError, toldText } from './failure-text.ts'
export { challengeOf, refresh, scopeUnion, wantsMore } from './oauth-flow.ts'
export { proxiedFetch } from './proxied-fetch.ts'
export { revoke } from './revoke.ts'
export { SignIn } from './sign-in.ts'
