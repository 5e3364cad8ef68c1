import type { AuthView, UpstreamSnapshot } from '../../../../shared/state.ts'

/**
 * What stands between us and a server, and what a person is to do about it.
 * sign-in: nobody is signed in. under-way: a sign-in goes on. failed: the last one did. refused-header: the server does not
 * take the Authorization of the config. forbidden: it knows who we are, and that is not enough. refused: it knows nobody of
 * us, and did not ask for a sign-in, or the config switches that off.
 */
export type AccessProblem = 'sign-in' | 'under-way' | 'failed' | 'refused-header' | 'forbidden' | 'refused'

/** The steps of a sign-in, in their order, in words for the person who waits for them. */
export const signInSteps = [
  { state: 'discovering', word: 'Find the authorization server' },
  { state: 'registering', word: 'Register there' },
  { state: 'waiting-for-browser', word: 'You, in the browser' },
  { state: 'exchanging', word: 'Get the tokens' },
] as const satisfies readonly { state: AuthView['state']; word: string }[]

/** The step that a sign-in is at; -1 when none is under way. */
export const stepOf = (state: AuthView['state']): number => signInSteps.findIndex((step) => step.state === state)

type Facts = Pick<UpstreamSnapshot, 'state' | 'auth'>

/** Null when nothing stands in the way, or when it is nothing that a sign-in could change. */
export function accessProblem({ state, auth }: Facts): AccessProblem | null {
  if (!auth || state === 'stopped') return null
  if (stepOf(auth.state) >= 0) return 'under-way'
  const refused = auth.state === 'failed' || auth.state === 'forbidden'
  switch (auth.kind) {
    case 'none':
      return refused || (state === 'unauthorized' && auth.state === 'signed-out') ? 'refused' : null
    case 'header':
      if (auth.state === 'forbidden') return 'forbidden'
      return refused || state === 'unauthorized' ? 'refused-header' : null
    case 'oauth':
      if (auth.state === 'forbidden' || auth.state === 'failed') return auth.state
      return auth.state === 'signed-out' ? 'sign-in' : null
  }
}

/** A plain 403 may be all that a server with a sign-in says; one that asked for other credentials, or has it switched off, has none. */
export const mayOfferSignIn = ({ kind, state }: AuthView): boolean => kind === 'oauth' || state !== 'failed'

/** By what the server lets us in. @param seen a connection to it was up since the host started, or since its entry changed */
export function accessBy({ kind, state }: AuthView, seen: boolean): string {
  if (kind === 'header') return 'the Authorization header of the entry'
  if (kind === 'oauth') return 'a sign-in (OAuth)'
  if (state === 'failed' || state === 'forbidden') return 'nothing, and the server refuses that'
  if (seen) return 'nothing: the server lets everybody in'
  return 'not known yet: no request was let in so far; the server says so when it wants a sign-in'
}

/** What is wrong, in a few words: the title of the panel, and the reason in the overview where the server gave none. */
export const accessTitles: Record<AccessProblem, string> = {
  'sign-in': 'The server wants you to sign in',
  'under-way': 'Signing in',
  failed: 'The sign-in failed',
  'refused-header': 'The token in the configuration is refused',
  forbidden: 'Signed in, but not allowed',
  refused: 'The server does not let us in',
}

/** @returns what was said beyond the title; undefined when it says the same in other letters */
export function saidBeyond(title: string, said: string | null | undefined): string | undefined {
  const plain = (text: string) => text.trim().toLowerCase()
  return said && plain(said) !== plain(title) ? said : undefined
}
