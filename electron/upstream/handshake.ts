import { AppError } from '../../shared/errors.ts'
import type { Answer, Channel } from './channel.ts'
import {
  isModernRevision,
  isRecord,
  modernMeta,
  newestShared,
  parsed,
  unsupportedProtocolVersion,
} from './revisions.ts'
import type { Handshake, JsonText } from './types.ts'

export interface ClientInfo {
  name: string
  version: string
}

/** A server's error as answer to a handshake. */
export class Refused extends AppError {
  readonly rpcCode: number | undefined
  /** Of an unsupported protocol version: the revisions that the server speaks. */
  readonly supported: string[] | undefined

  constructor(method: string, answer: Answer) {
    const error = parsed(answer.text)
    const record = isRecord(error) ? error : {}
    const code = typeof record.code === 'number' ? record.code : undefined
    const supported = supportedOf(record.data)
    const hint =
      code === unsupportedProtocolVersion && supported ? `; it speaks ${supported.join(', ') || 'no revision'}` : ''
    const message =
      typeof record.message === 'string'
        ? `${cut(record.message, longestMessage)} (${code})`
        : cut(answer.text, longestName)
    super('HANDSHAKE_FAILED', `the server refused ${method}: ${message}${hint}`, {
      error: answer.text.length > longestErrorJson ? cut(answer.text, longestMessage) : error,
    })
    this.rpcCode = code
    this.supported = code === unsupportedProtocolVersion ? (supported ?? []) : undefined
  }
}

const supportedOf = (data: unknown): string[] | undefined =>
  isRecord(data) && Array.isArray(data.supported) ? revisionsOf(data.supported) : undefined

/** What a server says of itself and of its failure is shown, kept and sent with each refusal: not megabytes of it. */
const longestName = 200
const longestMessage = 1_000
const longestErrorJson = 10_000
const mostRevisions = 50

const cut = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest - 1).toWellFormed()}…` : text

const revisionsOf = (told: unknown[]): string[] =>
  told.slice(0, mostRevisions).map((revision) => cut(String(revision), longestName))

const isVersion = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= longestName

/**
 * The handshake of the legacy era on a new connection. Whoever calls limits the time: `initialize` must not be cancelled.
 * `notifications/initialized` is left to the caller.
 * @param params of `initialize`
 * @throws AppError HANDSHAKE_FAILED ({@link Refused} when the server said so), or what the channel failed with
 */
export async function initialize(channel: Channel, params: JsonText): Promise<Handshake> {
  const answer = await channel.call({
    method: 'initialize',
    params,
    responseTimeoutMs: Number.POSITIVE_INFINITY,
    cancellable: false,
  })
  if (answer.kind === 'error') throw new Refused('initialize', answer)
  const result = parsed(answer.text)
  // Servers leave out parts that the schema requires; only the version is needed.
  if (!isRecord(result) || !isVersion(result.protocolVersion)) {
    throw new AppError(
      'HANDSHAKE_FAILED',
      'the server answered initialize without a protocolVersion: not an MCP server?',
      { result: answer.text.slice(0, 500) },
    )
  }
  const { protocolVersion, capabilities, serverInfo } = result
  // What goes on in the words of that era would be understood by neither side: there is no session in it.
  if (isModernRevision(protocolVersion)) {
    throw new AppError('HANDSHAKE_FAILED', `the server answered initialize with MCP ${protocolVersion}, which has none`)
  }
  return {
    era: 'legacy',
    initializeResult: answer.text,
    protocolVersion,
    serverInfo: identityOf(serverInfo),
    capabilities: isRecord(capabilities) ? capabilities : {},
  }
}

/**
 * Asks a server of the modern era what it is (MCP 2026-07-28, server/discover).
 * @param timeoutMs Infinity where something else limits the time
 * @throws AppError HANDSHAKE_FAILED ({@link Refused} when the server said so), RESPONSE_TIMEOUT, or what the channel failed
 * with
 */
export async function discover(channel: Channel, clientInfo: ClientInfo, timeoutMs: number): Promise<Handshake> {
  const answer = await channel.call({
    method: 'server/discover',
    params: `{"_meta":${modernMeta(clientInfo)}}`,
    responseTimeoutMs: timeoutMs,
    cancellable: false,
  })
  if (answer.kind === 'error') throw new Refused('server/discover', answer)
  const result = parsed(answer.text)
  const versions =
    isRecord(result) && Array.isArray(result.supportedVersions) ? revisionsOf(result.supportedVersions) : undefined
  if (!isRecord(result) || !versions) {
    throw new AppError('HANDSHAKE_FAILED', 'the server answered server/discover without supportedVersions', {
      result: answer.text.slice(0, 500),
    })
  }
  const protocolVersion = newestShared(versions)
  if (protocolVersion === undefined) {
    throw new AppError('HANDSHAKE_FAILED', `the server speaks only MCP ${versions.join(', ')}`, { supported: versions })
  }
  const meta = isRecord(result._meta) ? result._meta : {}
  return {
    era: 'modern',
    initializeResult: answer.text,
    protocolVersion,
    serverInfo: identityOf(meta['io.modelcontextprotocol/serverInfo']),
    capabilities: isRecord(result.capabilities) ? result.capabilities : {},
  }
}

function identityOf(info: unknown): { name: string; version: string } {
  const { name, version } = isRecord(info) ? info : {}
  return { name: text(name), version: text(version) }
}

const text = (value: unknown): string => (typeof value === 'string' ? cut(value, longestName) : '')
