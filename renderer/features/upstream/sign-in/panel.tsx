import { Check, KeyRound, LoaderCircle, RotateCw, Settings2, UserRoundPen } from 'lucide-react'
import type { ReactNode } from 'react'
import type { AuthView, UpstreamSnapshot } from '../../../../shared/state.ts'
import { navigate } from '../../../app/routes.ts'
import { Age, Button, Callout, cn, ServerText } from '../../../components/index.ts'
import { useAction } from '../../../store/hooks.ts'
import { type AccessProblem, accessTitles, mayOfferSignIn, saidBeyond, signInSteps, stepOf } from './access.ts'
import { useSignIn } from './use-sign-in.ts'
import { WaitingForBrowser } from './waiting.tsx'

export interface SignInPanelProps {
  upstream: UpstreamSnapshot
  auth: AuthView
  problem: AccessProblem
}

/** What stands between us and the server, step by step, with what a person can do at each. */
export function SignInPanel({ upstream: { name, lastFailure }, auth, problem }: SignInPanelProps) {
  const { signIn, cancel, signOut, pending } = useSignIn(name)
  const title = accessTitles[problem]
  const signInButton = (label: string) => (
    <Button size="sm" variant="primary" icon={KeyRound} pending={pending} onClick={() => void signIn()}>
      {label}
    </Button>
  )
  switch (problem) {
    case 'sign-in':
      return (
        <Callout tone="warn" title={title} actions={signInButton('Sign in')}>
          <Said text={saidBeyond(title, auth.error ?? lastFailure?.message)} />
          Nothing is asked of the server until then. Your browser opens its sign-in page; what it grants is kept for
          this upstream only, and can be taken back with Sign out.
        </Callout>
      )
    case 'under-way':
      return (
        <Callout
          tone="info"
          title={title}
          actions={
            <Button size="sm" onClick={() => void cancel()}>
              Cancel
            </Button>
          }
        >
          <Steps state={auth.state} since={auth.since} />
          {auth.state === 'waiting-for-browser' && (
            <WaitingForBrowser name={name} authorizationUrl={auth.authorizationUrl} />
          )}
        </Callout>
      )
    case 'failed':
      return (
        <Callout
          tone="error"
          title={auth.issuer === null ? title : 'The sign-in is no longer good'}
          actions={signInButton(auth.issuer === null ? 'Try again' : 'Sign in again')}
        >
          <Said text={auth.error ?? 'The authorization server did not say why.'} />
          Nothing is tried again by itself.
        </Callout>
      )
    case 'forbidden':
      return auth.kind === 'header' ? (
        <Callout
          tone="error"
          title="The token in the configuration is not allowed to do this"
          actions={<ConfigButtons name={name} />}
        >
          <Said text={auth.error} />
          The server knows the token and refuses it all the same: use one with more rights.
        </Callout>
      ) : (
        <Callout
          tone="error"
          title={auth.issuer === null ? accessTitles.refused : title}
          actions={
            <>
              {signInButton(auth.issuer === null ? 'Sign in' : 'Sign in with more rights')}
              <Button
                size="sm"
                icon={UserRoundPen}
                disabled={pending}
                onClick={async () => {
                  if (await signOut()) await signIn()
                }}
              >
                Another account
              </Button>
            </>
          }
        >
          <Said text={auth.error} />
          {auth.scopes.length > 0 && (
            <p>
              Granted so far: <Scopes scopes={auth.scopes} />
            </p>
          )}
        </Callout>
      )
    case 'refused':
      return (
        <Callout
          tone="error"
          title={title}
          actions={
            <>
              {mayOfferSignIn(auth) && signInButton('Sign in')}
              <ConfigButtons name={name} />
            </>
          }
        >
          <Said text={auth.error ?? lastFailure?.message} />
          {mayOfferSignIn(auth)
            ? 'It takes no request without credentials, and did not say where to get some. Sign in, if it offers that and the entry does not switch it off, or put a token into the entry’s headers.'
            : 'It takes no request without credentials. Put them into the entry’s headers, then press Retry now.'}
        </Callout>
      )
    case 'refused-header':
      return (
        <Callout tone="error" title={title} actions={<ConfigButtons name={name} />}>
          <Said text={auth.error ?? lastFailure?.message} />
          The Authorization header comes from the upstream’s entry, so there is nothing to sign in to. Put a valid token
          there (or into the variable that it refers to, which is read when the host starts), then press Retry now.
        </Callout>
      )
  }
}

function ConfigButtons({ name }: { name: string }) {
  const { run, pending } = useAction()
  return (
    <>
      <Button size="sm" icon={Settings2} onClick={() => navigate({ screen: 'upstream', name, tab: 'config' })}>
        Open Config
      </Button>
      <Button
        size="sm"
        icon={RotateCw}
        pending={pending}
        onClick={() => void run('upstream.retry', { upstream: name })}
      >
        Retry now
      </Button>
    </>
  )
}

/** What the server said, in its own words. */
const Said = ({ text }: { text: string | null | undefined }): ReactNode =>
  text ? (
    <p className="font-mono text-xs text-ink">
      <ServerText text={text} />
    </p>
  ) : null

/** Scopes as a server names them, each on its own; there may be very many. */
const scopesAtMost = 24
export const Scopes = ({ scopes }: { scopes: readonly string[] }) => (
  <span className="inline-flex min-w-0 flex-wrap gap-1 align-middle">
    {[...new Set(scopes)].slice(0, scopesAtMost).map((scope) => (
      <code key={scope} className="rounded bg-raised px-1 font-mono text-xs text-ink">
        <ServerText text={scope} max={80} />
      </code>
    ))}
    {scopes.length > scopesAtMost && (
      <span title={scopes.join(' ').slice(0, 4_000)}>and {scopes.length - scopesAtMost} more</span>
    )}
  </span>
)

function Steps({ state, since }: { state: AuthView['state']; since: number }) {
  const at = stepOf(state)
  return (
    <ol aria-label="Steps of the sign-in" className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
      {signInSteps.map(({ word }, step) => {
        const done = step < at
        const current = step === at
        return (
          <li
            key={word}
            aria-current={current ? 'step' : undefined}
            className={cn('flex items-center gap-1.5', current ? 'font-medium text-ink' : 'text-ink-2')}
          >
            <span
              aria-hidden
              className={cn(
                'flex size-4 items-center justify-center rounded-full border text-2xs tabular-nums',
                done ? 'border-ok text-ok-ink' : current ? 'border-active text-active-ink' : 'border-line-strong',
              )}
            >
              {done ? (
                <Check className="size-3" strokeWidth={3} />
              ) : current ? (
                <LoaderCircle className="size-3 motion-safe:animate-spin" />
              ) : (
                step + 1
              )}
            </span>
            {word}
            <span className="sr-only">{done ? ', done' : ''}</span>
            {current && (
              <span className="font-normal text-ink-3">
                <Age since={since} />
              </span>
            )}
          </li>
        )
      })}
    </ol>
  )
}
