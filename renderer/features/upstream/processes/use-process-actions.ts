import { useCallback } from 'react'
import type { ConnectionSnapshot } from '../../../../shared/state.ts'
import { useConfirm } from '../../../components/index.ts'
import { useAction } from '../../../store/hooks.ts'
import { killConsequence } from '../problem-list.ts'

export interface ProcessActions {
  drain: (connection: ConnectionSnapshot) => void
  restart: (connection: ConnectionSnapshot) => void
  /** Asks first, and says what it breaks. */
  kill: (connection: ConnectionSnapshot) => void
}

export function useProcessActions(): ProcessActions {
  const { run } = useAction()
  const confirm = useConfirm()
  return {
    drain: useCallback(({ id }) => void run('connection.drain', { connectionId: id }), [run]),
    restart: useCallback(({ id }) => void run('connection.restart', { connectionId: id }), [run]),
    kill: useCallback(
      async (connection) => {
        const sure = await confirm({
          title: connection.pid === null ? 'Kill this process?' : `Kill process ${connection.pid}?`,
          body: killConsequence(connection),
          confirmLabel: 'Kill',
        })
        if (sure) await run('connection.kill', { connectionId: connection.id })
      },
      [run, confirm],
    ),
  }
}
