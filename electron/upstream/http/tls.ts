import type { PeerCertificate, TLSSocket } from 'node:tls'
import { AppError } from '../../../shared/errors.ts'

/** What of a certificate helps to see what is wrong with it. */
export interface CertificateFacts {
  subject: string
  issuer: string
  validFrom: string
  validTo: string
  /** Whom it was made out to, `DNS:example.com, IP Address:…`. */
  names: string
}

/** Codes of OpenSSL's verification that don't say CERT. */
const verificationCodes = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'HOSTNAME_MISMATCH',
  'INVALID_PURPOSE',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
])

/** Whether TLS is what failed: the certificate, or the agreement on how to speak. */
export function isTlsFailure(error: unknown): error is Error {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  return isCertificateCode(error.code) || error.code.startsWith('ERR_SSL_') || error.code === 'EPROTO'
}

const isCertificateCode = (code: string) =>
  verificationCodes.has(code) || /CERT|CRL/.test(code) || code.startsWith('ERR_TLS_CERT')

/** Keeps the certificate that the server shows: when the verification has failed, the socket no longer knows it. */
export function noteCertificate(socket: TLSSocket): () => CertificateFacts | undefined {
  let certificate: CertificateFacts | undefined
  // Emitted before the verdict is looked at, by a listener that was added first.
  socket.prependOnceListener('secure', () => {
    certificate = certificateFacts(socket.getPeerCertificate())
  })
  return () => certificate
}

function certificateFacts(certificate: PeerCertificate | undefined): CertificateFacts | undefined {
  // An empty object when the server showed none.
  if (certificate?.valid_to === undefined) return undefined
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    validFrom: certificate.valid_from,
    validTo: certificate.valid_to,
    names: certificate.subjectaltname ?? '',
  }
}

function distinguishedName(name: PeerCertificate['subject'] | undefined): string {
  return Object.entries(name ?? {})
    .map(([part, value]) => `${part}=${[value].flat().join('+')}`)
    .join(', ')
}

/** TLS_FAILED: what is wrong, with which certificate, and what to do about it. Switching verification off is no answer. */
export function tlsFailed(facts: Record<string, unknown>, certificate?: CertificateFacts): AppError {
  const code = String(facts.code)
  const shownBy = `the certificate of ${String(facts.host)}${certificate ? ` (subject ${certificate.subject}, issued by ${certificate.issuer}, valid until ${certificate.validTo})` : ''}`
  return new AppError(
    'TLS_FAILED',
    explain(code, shownBy, String(facts.host), certificate),
    // Without its cause, which holds the whole chain of certificates.
    { ...facts, ...(certificate && { certificate }) },
  )
}

const trustIt =
  'if you trust its issuer, save the certificate of the issuer as a PEM file, set NODE_EXTRA_CA_CERTS to its path and start Poolscope again'

function explain(code: string, shownBy: string, host: string, certificate: CertificateFacts | undefined): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return `${shownBy} has expired; it has to be renewed on the server (or this machine's clock is wrong)`
    case 'CERT_NOT_YET_VALID':
      return `${shownBy} is not valid yet (from ${certificate?.validFrom ?? 'a later day'}); is this machine's clock right?`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return `${shownBy} was made out to ${certificate?.names || 'another name'} and not to ${host}; use a name in the URL that it has, or have the server show the right one`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `${shownBy} is self-signed, so nobody vouches for it; ${trustIt}`
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `${shownBy} is signed by an authority that this machine does not know, or the server leaves out a certificate in between; ${trustIt}`
    case 'CERT_REVOKED':
      return `${shownBy} was revoked by its issuer; the server needs a new one`
  }
  if (isCertificateCode(code)) return `${shownBy} was not accepted (${code}); ${trustIt}`
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return `${host} does not speak TLS on this port (${code}); is it http:// and not https://?`
  return `${host} and this machine could not agree on an encrypted connection (${code})`
}
