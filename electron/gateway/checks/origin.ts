/**
 * Host and Origin validation against DNS rebinding and foreign web pages (PROTOCOL, section 3). Own code beside the SDK's
 * `validateHostHeader`: it runs for every request, so it must not parse URLs, and it takes no user-info part
 * (`evil@localhost`). A test compares its verdicts with the SDK's.
 */
const loopbackAuthority = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i
const loopbackOrigin = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i

/** Any port: a client may reach us through a forwarded one. */
export const isAllowedHost = (host: string | undefined): boolean => host !== undefined && loopbackAuthority.test(host)

/** Clients outside of browsers send none. `null` (sandboxed frames, files) is foreign. */
export const isAllowedOrigin = (origin: string | undefined): boolean =>
  origin === undefined || loopbackOrigin.test(origin)
