import { Toaster } from 'sonner'
import { ConfirmProvider, TooltipProvider } from '../components/index.ts'
import { useLink } from '../store/hooks.ts'
import { Dialogs } from './dialogs.tsx'
import { ErrorBoundary } from './error-boundary.tsx'
import { Frame } from './frame/frame.tsx'
import { Gate } from './gate.tsx'
import { useTheme } from './theme.ts'

export function App() {
  const { state } = useLink()
  const theme = useTheme((s) => s.theme)
  return (
    <ErrorBoundary scope="window">
      <TooltipProvider>
        <ConfirmProvider>
          {state === 'unauthorized' ? (
            <Gate />
          ) : (
            <>
              <Frame />
              <Dialogs />
            </>
          )}
        </ConfirmProvider>
      </TooltipProvider>
      <Toaster theme={theme} position="bottom-right" offset={36} closeButton style={toastColours} />
    </ErrorBoundary>
  )
}

/** Sonner reads its colours from these. */
const toastColours = {
  '--normal-bg': 'var(--color-panel)',
  '--normal-border': 'var(--color-line-strong)',
  '--normal-text': 'var(--color-ink)',
  fontFamily: 'var(--font-sans)',
} as React.CSSProperties
