import { useEffect, useState } from 'react'
import { Switch, Tooltip } from '../../components/index.ts'
import { useAction, useHost } from '../../store/hooks.ts'

/** Gentle traffic to the demo upstream. Not there when no upstream is the demo server. */
export function DemoTraffic() {
  const demo = useHost()?.demoTraffic
  const { run, pending } = useAction()
  // The switch moves with the finger; the host's next frame confirms it, and a failure puts it back.
  const [wanted, setWanted] = useState<boolean | null>(null)
  const running = demo?.running
  useEffect(() => {
    if (running === wanted) setWanted(null)
  }, [running, wanted])
  if (!demo) return null
  const onCheckedChange = async (on: boolean) => {
    setWanted(on)
    if ((await run('demo.traffic', { on })) === null) setWanted(null)
  }
  return (
    <Tooltip label={`Sends gentle traffic to ${demo.upstream}`}>
      <span className="mr-1 inline-flex">
        <Switch
          label="Demo traffic"
          checked={wanted ?? demo.running}
          disabled={pending}
          onCheckedChange={onCheckedChange}
        />
      </span>
    </Tooltip>
  )
}
