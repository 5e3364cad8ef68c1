import { ExternalLink } from 'lucide-react'
import { useState } from 'react'
import { openPage, webUrl } from '../../../app/web-url.ts'
import { bridge } from '../../../bridge/index.ts'
import { Button, Copy, Field, Input } from '../../../components/index.ts'
import { useSignIn } from './use-sign-in.ts'

/** Whether this page's browser is on the host's machine: only then the redirect reaches the host. */
const isLocal = bridge.kind === 'ipc' || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(window.location.hostname)

/** The person's part of a sign-in: the page to go to, and what to do when the way back does not reach the host. */
export function WaitingForBrowser({ name, authorizationUrl }: { name: string; authorizationUrl: string | null }) {
  const { signIn, pending } = useSignIn(name)
  const url = authorizationUrl === null ? null : webUrl(authorizationUrl)
  // In a press, so that no browser takes it for an unasked-for window. A window of the desktop app may open none itself.
  const open = () => (url !== null && bridge.kind === 'http' ? openPage(url) : void signIn())
  return (
    <>
      <p className="mt-1">
        Sign in on the page that opened in your browser; this goes on by itself. If none opened, press Open again.
      </p>
      {authorizationUrl !== null && (
        <div className="mt-1 flex items-center gap-1.5">
          <code
            title={authorizationUrl.slice(0, 4_000)}
            className="min-w-0 truncate rounded border border-line bg-panel px-1.5 font-mono text-xs leading-5 text-ink select-text"
          >
            {authorizationUrl.slice(0, 4_000)}
          </code>
          <Copy text={authorizationUrl} label="Copy the address of the sign-in page" />
          <Button size="sm" icon={ExternalLink} pending={pending} disabled={url === null} onClick={open}>
            Open again
          </Button>
        </div>
      )}
      {authorizationUrl !== null && url === null && (
        <p className="mt-1 text-dead-ink">
          This is no web address, so it is not opened. Cancel, and ask who runs the server.
        </p>
      )}
      <details open={!isLocal} className="mt-1.5">
        <summary className="w-fit text-ink">The browser is on another machine</summary>
        <PasteRedirect name={name} />
      </details>
    </>
  )
}

/** The browser ends at an address of its own machine that nothing answers; that address holds what the host needs. */
function PasteRedirect({ name }: { name: string }) {
  const { complete } = useSignIn(name)
  const [typed, setTyped] = useState('')
  const [refusal, setRefusal] = useState<string | null>(null)
  const [pending, setPending] = useState(false)
  const text = typed.trim()
  const wrong = text !== '' && webUrl(text) === null
  return (
    <form
      className="mt-1 flex max-w-[720px] items-start gap-1.5"
      onSubmit={async (event) => {
        event.preventDefault()
        if (text === '' || wrong || pending) return
        setPending(true)
        const why = await complete(text)
        setPending(false)
        setRefusal(why)
        if (why === null) setTyped('')
      }}
    >
      <Field
        label="Address that the browser ended at"
        hint="After the sign-in the browser can’t reach 127.0.0.1 there and shows an error: copy its whole address to here."
        error={wrong ? 'This is no address: it begins with http://127.0.0.1' : (refusal ?? undefined)}
        className="flex-1"
      >
        <Input
          mono
          value={typed}
          onValueChange={(next) => {
            setTyped(next)
            setRefusal(null)
          }}
          placeholder="http://127.0.0.1:…/callback?code=…&state=…"
        />
      </Field>
      <Button type="submit" pending={pending} disabled={text === '' || wrong} className="mt-5">
        Finish
      </Button>
    </form>
  )
}
