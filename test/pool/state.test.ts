import { expect, test } from 'vitest'
import { PooledConnection } from '../../electron/pool/connection.ts'
import { isLegal, stateCodes } from '../../electron/pool/state.ts'
import { type ConnectionState, connectionStates } from '../../shared/state.ts'
import { FakeClock } from '../support/fake-clock.ts'

const inOrder: ConnectionState[] = [
  'spawning',
  'handshaking',
  'idle',
  'leased',
  'returning',
  'idle',
  'draining',
  'dead',
]

function connection(): PooledConnection<never> {
  return new PooledConnection<never>({
    id: 'x',
    reason: 'demand',
    kind: '',
    clock: new FakeClock(),
    observer: { stateChanged() {}, illegalChange() {} },
    epoch: 0,
    lifetimeShare: 1,
  })
}

test('a connection goes through its states in order', () => {
  const one = connection()
  for (const state of inOrder.slice(1)) one.moveTo(state, 0)
  expect(one.state).toBe('dead')
})

test('a transition that is not allowed throws in development and changes nothing', () => {
  const one = connection()
  expect(() => one.moveTo('leased', 0)).toThrow('spawning -> leased is not allowed')
  expect(one.state).toBe('spawning')
})

test('only idle may be leased, and nothing comes back from the dead', () => {
  const before = (to: ConnectionState) => connectionStates.filter((from) => isLegal(stateCodes[from], stateCodes[to]))
  expect(before('leased')).toEqual(['idle'])
  expect(before('dead')).toEqual(['draining'])
  expect(connectionStates.filter((to) => isLegal(stateCodes.dead, stateCodes[to]))).toEqual([])
  expect(before('draining')).toEqual(['spawning', 'handshaking', 'idle', 'leased', 'returning'])
})
