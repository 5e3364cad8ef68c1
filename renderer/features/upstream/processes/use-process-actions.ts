import { useCallback } from 'react'
import type { ConnectionSnapshot } from '../../../../shared/state.ts'
import { isRemote, shortId } from '../../../app/words.ts'
import { useConfirm } from '../../../components/index.ts'
import { useAction } from '../../../store/hooks.ts'
import { useStore } from '../../../store/store.ts'
import { killConsequence } from '../problem-list.ts'

export interface ProcessActions {
  drain: (connection: ConnectionSnapshot) => void
  restart: (connection: ConnectionSnapshot) => void
  /** Asks first, and says what it breaks. */
  kill: (connection: ConnectionSnapshot) => void
}

function killQuestion({ id, pid, ...rest }: ConnectionSnapshot, remote: boolean) {
  const body = killConsequence(rest, remote)
  if (remote) return { title: `Close session ${shortId(id)} now?`, body, confirmLabel: 'Close now' }
  return { title: pid === null ? 'Kill this process?' : `Kill process ${pid}?`, body, confirmLabel: 'Kill' }
}

export function useProcessActions(): ProcessActions {
  const { run } = useAction()
  const confirm = useConfirm()
  return {
    drain: useCallback(({ id }) => void run('connection.drain', { connectionId: id }), [run]),
    restart: useCallback(({ id }) => void run('connection.restart', { connectionId: id }), [run]),
    kill: useCallback(
      async (connection) => {
        const remote = isRemote(useStore.getState().model?.upstreams[connection.upstream]?.transport)
        const sure = await confirm(killQuestion(connection, remote))
        if (sure) await run('connection.kill', { connectionId: connection.id })
      },
      [run, confirm],
    ),
  }
}
