import { useCallback } from 'react'
import { openPage } from '../../../app/web-url.ts'
import { bridge } from '../../../bridge/index.ts'
import { runCommand, useAction } from '../../../store/hooks.ts'

export interface SignInActions {
  /** Begins a sign-in, or opens the page of the one that is under way. */
  signIn: () => Promise<void>
  cancel: () => Promise<void>
  /** @returns why the address was not taken, to be said beside it; null when it was */
  complete: (redirectUrl: string) => Promise<string | null>
  signOut: () => Promise<boolean>
  pending: boolean
}

/** The host opens the system's browser where it has one. Where it has none this page is in a browser, and opens a tab. */
export function useSignIn(name: string): SignInActions {
  const { run, pending } = useAction()
  return {
    signIn: useCallback(async () => {
      const begun = await run('upstream.signIn', { upstream: name })
      if (begun?.authorizationUrl && !begun.opened && bridge.kind === 'http') openPage(begun.authorizationUrl)
    }, [run, name]),
    cancel: useCallback(async () => void (await run('upstream.cancelSignIn', { upstream: name })), [run, name]),
    complete: useCallback(
      async (redirectUrl) => {
        try {
          await runCommand('upstream.completeSignIn', { upstream: name, redirectUrl })
          return null
        } catch (thrown) {
          return thrown instanceof Error ? thrown.message : String(thrown)
        }
      },
      [name],
    ),
    signOut: useCallback(async () => (await run('upstream.signOut', { upstream: name })) !== null, [run, name]),
    pending,
  }
}
