import { Component, type ErrorInfo, type ReactNode } from 'react'
import { Button, Callout, CopyButton } from '../components/index.ts'

interface Props {
  /** What failed, for the text: "window" or "screen". */
  scope: 'window' | 'screen'
  /** A change of this clears the failure (going to another screen). */
  resetKey?: string
  children: ReactNode
}

interface State {
  error: Error | null
  stack: string
  resetKey: string | undefined
}

/** A part of the window that throws while drawing says so, and the rest goes on. React has no hook for this. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null, stack: '', resetKey: this.props.resetKey }

  static getDerivedStateFromError(thrown: unknown): Partial<State> {
    return { error: thrown instanceof Error ? thrown : new Error(String(thrown)) }
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.resetKey === state.resetKey ? null : { error: null, resetKey: props.resetKey }
  }

  override componentDidCatch(_error: Error, info: ErrorInfo): void {
    this.setState({ stack: info.componentStack ?? '' })
  }

  override render(): ReactNode {
    const { error, stack } = this.state
    if (!error) return this.props.children
    return (
      <div className="p-4">
        <Callout
          tone="error"
          role="alert"
          title={`This ${this.props.scope} could not be drawn`}
          actions={
            <>
              <CopyButton text={`${error.stack ?? error.message}\n${stack}`} label="Copy details" />
              <Button size="sm" onClick={() => this.setState({ error: null })}>
                Try again
              </Button>
              <Button size="sm" onClick={() => window.location.reload()}>
                Reload
              </Button>
            </>
          }
        >
          {error.message}. The host and its pools are not affected.
        </Callout>
      </div>
    )
  }
}
