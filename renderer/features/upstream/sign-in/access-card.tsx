import { LogOut, Plug } from 'lucide-react'
import type { ReactNode } from 'react'
import type { AuthView } from '../../../../shared/state.ts'
import { Button, Countdown, none, ServerText, StateBadge, useConfirm } from '../../../components/index.ts'
import { useAction } from '../../../store/hooks.ts'
import { accessBy } from './access.ts'
import { Scopes } from './panel.tsx'
import { useSignIn } from './use-sign-in.ts'

const storages: Record<NonNullable<AuthView['storage']>, ReactNode> = {
  'safe-storage': 'the system’s keychain, encrypted',
  file: (
    <span className="text-draining-ink">
      a file that only your user can read; it is not encrypted, because the host has no keychain to use here
    </span>
  ),
  memory: <span className="text-draining-ink">memory: it is forgotten when the host ends</span>,
}

/** How the server lets us in, for as long as it does: who granted what until when, and where it is kept. */
export function AccessFacts({ auth, seen }: { auth: AuthView; seen: boolean }) {
  const signedIn = auth.state === 'signed-in' || auth.state === 'refreshing'
  const facts: [string, ReactNode][] = [['By', accessBy(auth, seen)]]
  if (auth.kind === 'oauth') {
    facts.push(['State', <StateBadge key="state" kind="auth" state={auth.state} />])
    if (auth.issuer !== null)
      facts.push(['Granted by', <ServerText key="issuer" text={auth.issuer} className="font-mono" />])
    if (auth.scopes.length > 0) facts.push(['Scopes', <Scopes key="scopes" scopes={auth.scopes} />])
    if (signedIn)
      facts.push([
        'Access token',
        auth.expiresAt === null ? (
          'the server did not say how long it lasts'
        ) : (
          <>
            expires <Countdown until={auth.expiresAt} />; renewed before that where the server offers it
          </>
        ),
      ])
    if (auth.storage !== null) facts.push(['Kept in', storages[auth.storage]])
  }
  if (auth.error !== null) facts.push(['Last said', <ServerText key="error" text={auth.error} className="font-mono" />])
  return (
    <dl className="grid grid-cols-[140px_minmax(0,1fr)] gap-y-1 px-3 py-2 text-sm">
      {facts.map(([label, value]) => (
        <div key={label} className="contents">
          <dt className="text-ink-3">{label}</dt>
          <dd className="min-w-0 text-ink">{value ?? none}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Whether the server wants a sign-in is known once it was asked for something. */
export function FindOutButton({ name }: { name: string }) {
  const { run, pending } = useAction()
  return (
    <Button size="sm" icon={Plug} pending={pending} onClick={() => void run('upstream.spawn', { upstream: name })}>
      Find out
    </Button>
  )
}

export function SignOutButton({ name }: { name: string }) {
  const { signOut, pending } = useSignIn(name)
  const confirm = useConfirm()
  const ask = async () => {
    const sure = await confirm({
      title: `Sign out of ${name}?`,
      body: 'Its tokens are taken back at the server where that is offered, and deleted here. Clients get errors until somebody signs in again.',
      confirmLabel: 'Sign out',
    })
    if (sure) await signOut()
  }
  return (
    <Button size="sm" icon={LogOut} pending={pending} onClick={() => void ask()}>
      Sign out
    </Button>
  )
}
