import { KeyRound } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { bridge, tokenFromText } from '../bridge/index.ts'
import { Button, Field, Input } from '../components/index.ts'

/** A browser without a token, or with one of an earlier host: how to get in. */
export function Gate() {
  const [text, setText] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const token = tokenFromText(text)
    if (token) bridge.authorize(token)
  }
  return (
    <main className="flex h-full items-center justify-center p-6">
      <form onSubmit={submit} className="w-[440px] rounded-lg border border-line bg-panel p-6 shadow-pop">
        <span className="flex size-10 items-center justify-center rounded-lg border border-line bg-raised text-ink-2">
          <KeyRound aria-hidden className="size-5" />
        </span>
        <h1 className="mt-4 text-xl font-semibold">This dashboard needs its token</h1>
        <p className="mt-2 text-base text-ink-2">
          Open the address that the host printed when it started: the <Code>dashboard</Code> value of its ready line,{' '}
          <Code>{`${window.location.origin}/?token=…`}</Code>. A restarted host may have a new token.
        </p>
        <Field className="mt-4" label="Dashboard address or token">
          <Input value={text} onValueChange={setText} mono autoFocus placeholder="http://127.0.0.1:7411/?token=…" />
        </Field>
        <Button type="submit" variant="primary" size="lg" className="mt-3 w-full" disabled={tokenFromText(text) === ''}>
          Connect
        </Button>
      </form>
    </main>
  )
}

const Code = ({ children }: { children: string }) => (
  <code className="rounded bg-raised px-1 font-mono text-sm wrap-anywhere text-ink">{children}</code>
)
