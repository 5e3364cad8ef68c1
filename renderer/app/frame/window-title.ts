import { useEffect } from 'react'
import { useTotals } from '../../store/totals.ts'

/** What is broken shows in the task bar and in the browser's tab too. */
export function useWindowTitle(): void {
  const { failing } = useTotals('failing')
  useEffect(() => {
    document.title = failing > 0 ? `(${failing} failing) Poolscope` : 'Poolscope'
  }, [failing])
}
