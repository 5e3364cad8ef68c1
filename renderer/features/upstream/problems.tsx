import { RotateCw, ShieldCheck } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Failure, UpstreamSnapshot } from '../../../shared/state.ts'
import { isRemote, shortId } from '../../app/words.ts'
import { Age, Button, Callout, formatTime, plural, ServerText } from '../../components/index.ts'
import { useAction, useNow, useUpstream } from '../../store/hooks.ts'
import { diagnose } from './diagnosis.ts'
import { LogExcerpt } from './logs/excerpt.tsx'
import { type Problem, problemsOf, untilText } from './problem-list.ts'
import { SignInPanel } from './sign-in/panel.tsx'

/** What is broken stands above everything else, with why and what to do. */
export function Problems({ name }: { name: string }) {
  const upstream = useUpstream(name)
  const now = useNow()
  if (!upstream) return null
  const problems = problemsOf(upstream, now)
  if (problems.length === 0) return null
  return (
    <section
      aria-label={`What is wrong with ${name}`}
      className="flex max-h-[45vh] shrink-0 flex-col gap-2 overflow-y-auto px-4 pb-2"
    >
      {problems.map((problem) => (
        <ProblemCallout
          key={problem.kind === 'advice' ? problem.text : problem.kind}
          problem={problem}
          upstream={upstream}
          now={now}
        />
      ))}
    </section>
  )
}

function ProblemCallout({ problem, upstream, now }: { problem: Problem; upstream: UpstreamSnapshot; now: number }) {
  const { name } = upstream
  const remote = isRemote(upstream.transport)
  switch (problem.kind) {
    case 'access':
      return <SignInPanel upstream={upstream} auth={problem.auth} problem={problem.problem} />
    case 'failure':
      return (
        upstream.lastFailure && <FailureCallout failure={upstream.lastFailure} level={problem.level} remote={remote} />
      )
    case 'breaker':
      return (
        <Callout
          tone="error"
          title={problem.state === 'open' ? 'The breaker is open' : 'The breaker is half-open'}
          actions={
            <>
              <CommandButton command="upstream.resetBreaker" name={name} icon={ShieldCheck}>
                Reset breaker
              </CommandButton>
              <CommandButton command="upstream.retry" name={name} icon={RotateCw}>
                Retry now
              </CommandButton>
            </>
          }
        >
          {plural(problem.failures, 'failure')} in a row.{' '}
          {problem.state === 'open'
            ? `Requests fail at once with CIRCUIT_OPEN; one probe is let through ${problem.retryAt === null ? 'later' : untilText(problem.retryAt, now)}.`
            : problem.probing
              ? 'One probe is under way; the others wait for its outcome.'
              : 'The next request is the probe; others wait for its outcome.'}
        </Callout>
      )
    case 'reconnect':
      return (
        <Callout
          tone="warn"
          title={
            problem.nextAt <= now
              ? `Attempt ${problem.attempt} is due`
              : `Attempt ${problem.attempt}, retry ${untilText(problem.nextAt, now)}`
          }
          actions={
            <CommandButton command="upstream.retry" name={name} icon={RotateCw}>
              Retry now
            </CommandButton>
          }
        >
          Each failure makes the next wait longer, 30 s at most. A connection that stays up for 30 s starts the count
          anew.
        </Callout>
      )
    case 'leak':
      return (
        <Callout tone="warn" title={`${plural(problem.connections.length, 'lease')} held for very long`}>
          {problem.connections.map(({ id, pid, leasedSince }) => (
            <span key={id} className="mr-3 whitespace-nowrap">
              {remote ? `Session ${shortId(id)}` : `PID ${pid ?? '–'}`}
              {leasedSince !== null && (
                <>
                  {' '}
                  for <Age since={leasedSince} />
                </>
              )}
            </span>
          ))}
          A request that hangs, or a client that went away. Past “Lease revoked after” the pool takes it back; Restart
          or {remote ? 'Close now' : 'Kill'} does it now.
        </Callout>
      )
    case 'quarantine':
      return (
        <Callout tone="error" title={`${plural(problem.count, 'process tree')} in quarantine`}>
          It survived SIGKILL for 30 s, so its permit was freed and it no longer counts against the limit. It is stuck
          in the system (a dead network drive, mostly); only the system can end it.
        </Callout>
      )
    case 'advice':
      return <Callout tone="info">{problem.text}</Callout>
  }
}

function CommandButton(props: {
  command: 'upstream.retry' | 'upstream.resetBreaker'
  name: string
  icon: typeof RotateCw
  children: ReactNode
}) {
  const { run, pending } = useAction()
  return (
    <Button
      size="sm"
      icon={props.icon}
      pending={pending}
      onClick={() => void run(props.command, { upstream: props.name })}
    >
      {props.children}
    </Button>
  )
}

interface FailureCalloutProps {
  failure: Failure
  level: 'error' | 'warning'
  remote: boolean
}

function FailureCallout({ failure, level, remote }: FailureCalloutProps) {
  const { title, why, steps, searched } = diagnose(failure, remote)
  const facts = [
    failure.code,
    failure.exitCode !== null && failure.exitCode !== undefined && `exit code ${failure.exitCode}`,
    failure.signal,
    `at ${formatTime(failure.at)}`,
  ].filter((fact) => fact)
  return (
    <Callout
      tone={level === 'error' ? 'error' : 'warn'}
      title={
        <span className="flex flex-wrap items-baseline gap-x-2">
          {title}
          <span className="font-mono text-xs font-normal text-ink-2">{facts.join(' · ')}</span>
        </span>
      }
    >
      <p className="font-mono text-xs text-ink">
        <ServerText
          text={searched ? failure.message.replace(/; PATH that was searched:.*$/s, '') : failure.message}
          max={600}
        />
      </p>
      <div className="mt-1 grid gap-x-6 gap-y-1 min-[1000px]:grid-cols-2">
        <p>
          <ServerText text={why} />
        </p>
        <ul className="list-disc pl-4">
          {steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ul>
      </div>
      {searched && searched.length > 0 && (
        <details className="mt-1">
          <summary className="text-ink">The PATH that was searched ({plural(searched.length, 'folder')})</summary>
          <ol className="mt-1 font-mono text-xs text-ink">
            {searched.map((folder) => (
              <li key={folder}>{folder}</li>
            ))}
          </ol>
        </details>
      )}
      {failure.stderrTail && failure.stderrTail.length > 0 && <LogExcerpt lines={failure.stderrTail.slice(-20)} />}
    </Callout>
  )
}
