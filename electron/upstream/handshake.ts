import { AppError } from '../../shared/errors.ts'
import type { Answer } from './channel.ts'
import type { Handshake } from './types.ts'

/** The newest revision of the legacy era, offered to every legacy server. */
export const legacyProtocolVersion = '2025-11-25'

/** Params of `initialize`. No capabilities: the pool's processes are shared, so none of a single client's can be promised. */
export function initializeParams(clientInfo: { name: string; version: string }): string {
  return JSON.stringify({ protocolVersion: legacyProtocolVersion, capabilities: {}, clientInfo })
}

interface InitializeResult {
  protocolVersion?: unknown
  capabilities?: unknown
  serverInfo?: { name?: unknown; version?: unknown } | null
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What a server answered to `initialize`. Servers leave out parts that the schema requires; only the version is needed.
 * @throws AppError HANDSHAKE_FAILED with the server's answer in `data`
 */
export function readHandshake(answer: Answer): Handshake {
  if (answer.kind === 'error') {
    throw new AppError('HANDSHAKE_FAILED', `the server refused initialize: ${errorMessage(answer.text)}`, {
      error: parsed(answer.text),
    })
  }
  const result = parsed(answer.text)
  if (!isRecord(result) || typeof result.protocolVersion !== 'string' || result.protocolVersion === '') {
    throw new AppError(
      'HANDSHAKE_FAILED',
      'the server answered initialize without a protocolVersion: not an MCP server?',
      {
        result: answer.text.slice(0, 500),
      },
    )
  }
  const { protocolVersion, capabilities, serverInfo } = result as InitializeResult
  return {
    initializeResult: answer.text,
    protocolVersion: protocolVersion as string,
    serverInfo: { name: text(serverInfo?.name), version: text(serverInfo?.version) },
    capabilities: isRecord(capabilities) ? capabilities : {},
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json.slice(0, 500)
  }
}

function errorMessage(json: string): string {
  const error = parsed(json)
  return isRecord(error) && typeof error.message === 'string' ? `${error.message} (${error.code})` : json.slice(0, 200)
}
