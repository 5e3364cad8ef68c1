/** A refusal that new credentials may overcome. */
export interface Refusal {
  /** 401; or 403, of which only one with `insufficient_scope` can be overcome. */
  status: 401 | 403
  /** The WWW-Authenticate header. */
  wwwAuthenticate: string | null
  /** The Authorization value that was refused. */
  used: string | undefined
}

/**
 * Adds credentials to the requests of one upstream, and gets new ones when its server refuses. Implemented by
 * electron/auth, used by electron/upstream. It hears of requests, whose credentials are good or not; that the upstream as a
 * whole is let in no more is for its transport to find out, and to tell: a plain 403 may be about one request alone.
 */
export interface Authorizer {
  /**
   * The value of the Authorization header, or undefined when there is none. May wait for a refresh. It does not fail
   * because a refresh does: the server's own refusal then tells.
   * @throws the signal's reason when it is aborted while waiting
   */
  authorization(signal: AbortSignal): Promise<string | undefined>
  /**
   * The server answered 401 or 403.
   * @returns true when the request is worth one more attempt, with what `authorization` gives then
   * @throws the signal's reason when it is aborted while waiting
   */
  refused(refusal: Refusal, signal: AbortSignal): Promise<boolean>
  /**
   * The one more attempt was refused as well (401): nothing else is tried for that request. Cheap; may be left out.
   * @param used what `authorization` gave for it
   */
  refusedAgain?(used: string | undefined): void
  /**
   * The server let a request in (any status but 401 and 403): what a refusal made known is over. Cheap; may be left out.
   * @param used what `authorization` gave; undefined where the config has credentials of its own
   */
  accepted?(used: string | undefined): void
}
