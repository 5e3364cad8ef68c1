import { AppError } from '../../shared/errors.ts'
import type { Answer, Channel } from './channel.ts'
import type { Handshake } from './types.ts'

/** The newest revision of the legacy era, offered to every legacy server. */
export const legacyProtocolVersion = '2025-11-25'

/**
 * The handshake of the legacy era on a new connection. Whoever calls limits the time: `initialize` must not be cancelled.
 * @throws AppError HANDSHAKE_FAILED, or what the channel failed with
 */
export async function shakeHands(channel: Channel, clientInfo: { name: string; version: string }): Promise<Handshake> {
  const answer = await channel.call({
    method: 'initialize',
    params: initializeParams(clientInfo),
    responseTimeoutMs: Number.POSITIVE_INFINITY,
    cancellable: false,
  })
  const handshake = readHandshake(answer)
  channel.notify('notifications/initialized')
  return handshake
}

/** Params of `initialize`. No capabilities: the pool's processes are shared, so none of a single client's can be promised. */
function initializeParams(clientInfo: { name: string; version: string }): string {
  return JSON.stringify({ protocolVersion: legacyProtocolVersion, capabilities: {}, clientInfo })
}

/** MCP 2026-07-28: what a server that speaks only later revisions answers to `initialize`. */
const unsupportedProtocolVersion = -32022
const modernOnly = '; it speaks only MCP revisions from 2026-07-28 on, which this version of Poolscope does not yet'

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
function readHandshake(answer: Answer): Handshake {
  if (answer.kind === 'error') {
    const error = parsed(answer.text)
    const hint = isRecord(error) && error.code === unsupportedProtocolVersion ? modernOnly : ''
    throw new AppError(
      'HANDSHAKE_FAILED',
      `the server refused initialize: ${errorMessage(error, answer.text)}${hint}`,
      { error: answer.text.length > longestErrorJson ? cut(answer.text, longestMessage) : error },
    )
  }
  const result = parsed(answer.text)
  if (!isRecord(result) || !isVersion(result.protocolVersion)) {
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
    era: 'legacy',
    initializeResult: answer.text,
    protocolVersion: protocolVersion as string,
    serverInfo: { name: text(serverInfo?.name), version: text(serverInfo?.version) },
    capabilities: isRecord(capabilities) ? capabilities : {},
  }
}

/** What a server says of itself and of its failure is shown, kept and sent with each refusal: not megabytes of it. */
const longestName = 200
const longestMessage = 1_000
const longestErrorJson = 10_000

const isVersion = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= longestName

const cut = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest - 1).toWellFormed()}…` : text

const text = (value: unknown): string => (typeof value === 'string' ? cut(value, longestName) : '')

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** The message of a JSON-RPC error, or what there is instead. */
function errorMessage(error: unknown, json: string): string {
  return isRecord(error) && typeof error.message === 'string'
    ? `${cut(error.message, longestMessage)} (${cut(String(error.code), longestName)})`
    : cut(json, longestName)
}
