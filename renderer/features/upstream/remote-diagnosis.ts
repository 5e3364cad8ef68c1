import type { ErrorCode } from '../../../shared/errors.ts'
import type { Failure } from '../../../shared/state.ts'
import type { Advice } from './diagnosis.ts'

const tryCurl = 'Try the URL from the machine where the host runs: curl -i URL.'
const byItself =
  'Nothing needs to be done if it passes: it is tried again by itself, with a growing wait of 30 s at most.'
export const readLog = 'Read the Log tab: what the session did up to then stands there.'

/** Failures that only a server elsewhere has. */
const ofRemote: Partial<Record<ErrorCode, (failure: Failure) => Advice>> = {
  CONNECT_FAILED: connectFailed,
  TLS_FAILED: tlsFailed,
  HTTP_STATUS: httpStatus,
  UPSTREAM_UNAUTHORIZED: () => ({
    title: 'The server does not know who we are',
    why: 'It answered 401: it wants credentials, or does not take the ones it got.',
    steps: [
      'Sign in, if the server offers it.',
      'Or put a token into the entry: Edit, Headers, Authorization: Bearer ${TOKEN}.',
      'If sign-in is switched off in the entry (oauth: false), switch it on.',
    ],
  }),
  UPSTREAM_FORBIDDEN: () => ({
    title: 'The server does not allow it',
    why: 'It answered 403: it knows who we are, and that is not enough.',
    steps: ['Sign in with more rights or as somebody else.', 'Or ask who runs the server for access.'],
  }),
}

/** Failures that a process has as well, for other reasons. */
const alsoOfProcesses: Partial<Record<ErrorCode, (failure: Failure) => Advice>> = {
  CONNECT_TIMEOUT: () => ({
    title: 'The server did not answer in time',
    why: 'No connection, or no answer to the handshake, within the connect timeout. A firewall that drops what it does not like looks like this, and so does a server that is overloaded or is being started.',
    steps: [
      tryCurl,
      'Behind a proxy: set HTTPS_PROXY (and NO_PROXY) where the host is started.',
      'Raise the connect timeout if it takes long to wake (Edit, Timeouts).',
    ],
  }),
  HANDSHAKE_FAILED: handshakeFailed,
  RESPONSE_TIMEOUT: () => ({
    title: 'The server did not answer in time',
    why: 'A request was sent and no response came within the response timeout. It was cancelled; the session goes on.',
    steps: [
      'If its tools are slow by nature, raise the response timeout, or let the server send progress (each one resets it).',
      readLog,
    ],
  }),
  CONNECTION_LOST: lost,
  LEASE_EXPIRED: () => ({
    title: 'A request held its session for too long',
    why: 'The lease was older than “Lease revoked after” and was taken away; its session is replaced.',
    steps: ['If requests may take that long, raise the limit (Edit, Advanced).', readLog],
  }),
  ACQUIRE_TIMEOUT: () => ({
    title: 'No session became free in time',
    why: 'Every session was busy (or could not be opened) for the whole acquire timeout.',
    steps: [
      'Raise the number of connections if the server allows it, or the acquire timeout.',
      'Look in Sessions for one that has been active for very long: it may hang. Restart it.',
    ],
  }),
}

/** @returns undefined where what is said of any server holds */
export function diagnoseRemote(failure: Failure, remote: boolean): Advice | undefined {
  const explain = ofRemote[failure.code] ?? (remote ? alsoOfProcesses[failure.code] : undefined)
  return explain?.(failure)
}

const textIn = ({ data }: Failure, key: string): string => {
  const value = data?.[key]
  return typeof value === 'string' ? value : ''
}

/** The system's code; where it is missing the message may hold it. */
const codeOf = (failure: Failure): string => textIn(failure, 'code') || failure.message

function handshakeFailed({ message }: Failure): Advice {
  if (/protocol version/i.test(message))
    return {
      title: 'The server speaks another revision',
      why: 'It is an MCP server, and refused the revision of the protocol that it was offered.',
      steps: ['Set the protocol to auto, or to the era that it names (Edit, Protocol).', readLog],
    }
  return {
    title: 'The handshake failed',
    why: 'Something answers at the URL, but no MCP server: the wrong path, a web page, or a server of another kind.',
    steps: [
      'See that the URL is that of its MCP endpoint: often it ends in /mcp, for old servers in /sse.',
      'For a server of the old transport set “Reached by” to SSE (Edit).',
      tryCurl,
    ],
  }
}

function lost({ data }: Failure): Advice {
  if (data?.status === 404)
    return {
      title: 'The server forgot the session',
      why: 'It answered 404 to a session that it had opened: it was restarted, or ended the session. A new one is opened by itself.',
      steps: [byItself, readLog],
    }
  if (data?.reason === 'silence')
    return {
      title: 'The server went silent',
      why: 'It sent nothing in the middle of an answer, not even a sign of life: the network is gone, or the server hangs.',
      steps: [byItself, 'If it takes long by nature, let the server send progress or comments meanwhile.'],
    }
  return {
    title: 'The connection was lost',
    why: 'It ended before the answer was complete. Whether the server did what was asked is not known, so that a tool call is not sent again.',
    steps: [byItself, readLog],
  }
}

function connectFailed(failure: Failure): Advice {
  const code = codeOf(failure)
  const host = textIn(failure, 'host')
  if (/ENOTFOUND|EAI_|ENODATA/.test(code))
    return {
      title: 'The server’s name was not found',
      why: `No address is known for ${host || 'the host of the URL'}: a typing error, a name of a network that is not connected (VPN), or no network at all.`,
      steps: [
        'See that the host name in the URL is right.',
        'Connect the network or the VPN that knows the name.',
        byItself,
      ],
    }
  if (/ECONNREFUSED/.test(code))
    return {
      title: 'Nothing listens there',
      why: 'The machine was reached, and refused the connection: the server is not running, or listens on another port.',
      steps: ['Start the server, or correct the port in the URL.', byItself],
    }
  if (/ENETUNREACH|EHOSTUNREACH|ENETDOWN/.test(code))
    return {
      title: 'The server can’t be reached',
      why: 'There is no way to its network from here.',
      steps: [
        'Connect the network or the VPN.',
        'Behind a proxy: set HTTPS_PROXY where the host is started.',
        byItself,
      ],
    }
  return {
    title: 'The connection failed',
    why: 'It was cut before the server could answer.',
    steps: [tryCurl, 'See that http:// or https:// in the URL is what the server speaks.', byItself],
  }
}

function tlsFailed(failure: Failure): Advice {
  const code = codeOf(failure)
  if (/EXPIRED|NOT_YET_VALID/.test(code))
    return {
      title: /EXPIRED/.test(code) ? 'The server’s certificate has expired' : 'The certificate is not valid yet',
      why: 'Who runs the server has to renew it, or this machine’s clock is wrong.',
      steps: ['See that date and time of this machine are right.', 'Ask who runs the server to renew its certificate.'],
    }
  if (/ALTNAME|HOSTNAME/.test(code))
    return {
      title: 'The certificate is for another name',
      why: 'The server proved to be somebody, but not the host of the URL.',
      steps: [
        'Use the name that the certificate is for in the URL.',
        'Behind a proxy or a VPN: see who answers there.',
      ],
    }
  if (/SELF_SIGNED|UNABLE_TO|ISSUER/.test(code))
    return {
      title: 'The certificate is of an issuer that is not trusted',
      why: 'It is self-signed, of a company’s own authority, or the server leaves out a certificate in between.',
      steps: [
        'Start the host with NODE_EXTRA_CA_CERTS=/path/to/ca.pem: the authority’s certificate in PEM.',
        'A public server: ask who runs it to send the whole chain.',
        'Checking is never switched off: whoever sits in between would read every token.',
      ],
    }
  return {
    title: 'No secure connection could be made',
    why: 'The two sides did not agree on how to encrypt, or what answers speaks no TLS at all.',
    steps: [
      'See that the URL is right: a server without TLS is http://, and its port is mostly another one.',
      'Start the host with NODE_EXTRA_CA_CERTS=/path/to/ca.pem, if a company’s proxy looks into connections.',
    ],
  }
}

function httpStatus({ data, message }: Failure): Advice {
  const status = typeof data?.status === 'number' ? data.status : Number(/\bHTTP ([1-5]\d\d)\b/.exec(message)?.[1])
  if (status === 404 || status === 405 || status === 410)
    return {
      title: `There is no MCP server at this URL (${status})`,
      why: 'Something answers, but not at this path, or not to MCP’s requests.',
      steps: [
        'See that the URL is that of the MCP endpoint: often it ends in /mcp, for old servers in /sse.',
        'For a server of the old transport set “Reached by” to SSE (Edit).',
      ],
    }
  if (status === 429)
    return {
      title: 'The server is asked too often (429)',
      why: 'It limits how many requests it takes. Its Retry-After is heeded.',
      steps: ['Lower the number of connections.', byItself],
    }
  if (status >= 500)
    return {
      title: `The server failed (${status})`,
      why: 'It is the server’s own failure, or that of something in front of it: it is down, overloaded or being updated.',
      steps: [byItself, 'If it stays, tell who runs the server; its own log says more.'],
    }
  if (status >= 300 && status < 400)
    return {
      title: `The server sends us elsewhere (${status})`,
      why: 'It redirects to another origin. That is not followed, because our credentials would go there too.',
      steps: ['Put the address that it redirects to into the URL, if you trust it (Edit).'],
    }
  if (status >= 200 && status < 300)
    return {
      title: 'What answers there is no MCP server',
      why: 'The request was answered, with something that is no MCP: a web page, mostly, because the path is another one, or a page on which one has to sign in stands before the server.',
      steps: [
        'See that the URL is that of the MCP endpoint: often it ends in /mcp, for old servers in /sse.',
        'For a server of the old transport set “Reached by” to SSE (Edit).',
        tryCurl,
      ],
    }
  return {
    title: Number.isNaN(status) ? 'The server refused the request' : `The server refused the request (${status})`,
    why: 'It does not take what it was asked, or how: a missing header, another revision of the protocol.',
    steps: [
      'See what headers its documentation asks for (Edit, Headers).',
      'Set the protocol by hand (Edit) if it speaks one era only.',
      readLog,
    ],
  }
}
