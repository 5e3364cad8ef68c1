import { RotateCw } from 'lucide-react'
import { Button } from '../../../components/index.ts'
import { useAction } from '../../../store/hooks.ts'

/** Has every stream of these sessions that waits tried at once. */
export function RetryNow({ connectionIds, label }: { connectionIds: readonly string[]; label: string }) {
  const { run, pending } = useAction()
  return (
    <Button
      size="sm"
      icon={RotateCw}
      pending={pending}
      onClick={() => {
        for (const connectionId of connectionIds) void run('connection.reconnect', { connectionId })
      }}
      className="h-5"
    >
      {label}
    </Button>
  )
}
