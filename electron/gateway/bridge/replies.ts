import { scanObject, sliceOf } from '../../upstream/envelope.ts'
import type { JsonText, UpstreamReply } from '../../upstream/types.ts'
import { type RpcError, rpcCodes } from '../rpc.ts'

const noTiming = { queueMs: 0, coldStart: false, callMs: 0, attempts: 0 }

/** An answer of the gateway's own, where a server's is expected. */
export const ownReply = (kind: UpstreamReply['kind'], text: JsonText): UpstreamReply => ({
  kind,
  text,
  connectionId: '',
  pid: null,
  timing: noTiming,
})

export const errorReply = (error: RpcError): UpstreamReply => ownReply('error', JSON.stringify(error))

export const methodNotFound = (method: string): UpstreamReply =>
  errorReply({ code: rpcCodes.methodNotFound, message: `Method not found: ${method}` })

/** The code of an error's text; undefined when it has none that is an integer. */
export function errorCode(text: JsonText): number | undefined {
  const span = scanObject(text, ['code'])?.[0]
  const code = span ? sliceOf(text, span) : ''
  return /^-?\d{1,10}$/.test(code) ? Number(code) : undefined
}
