import { useKey } from '../../components/index.ts'
import { useAction, useUpstreamPart } from '../../store/hooks.ts'
import { whyNot } from './actions.ts'

/** S, D and R act on the whole upstream; where processes are listed, D and R belong to the selected one. */
export function useUpstreamKeys(name: string, processesShown: boolean): void {
  const { run } = useAction()
  const can = (action: 'spawn' | 'drain' | 'restart') => (upstream: Parameters<typeof whyNot>[1]) =>
    whyNot(action, upstream) === null
  useKey('s', () => void run('upstream.spawn', { upstream: name }), {
    enabled: useUpstreamPart(name, can('spawn')) ?? false,
  })
  const drainable = useUpstreamPart(name, can('drain')) ?? false
  useKey('d', () => void run('upstream.drain', { upstream: name }), { enabled: drainable && !processesShown })
  useKey('r', () => void run('upstream.restart', { upstream: name }), { enabled: drainable && !processesShown })
}
