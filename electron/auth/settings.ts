import type { OAuthSettings } from '../../shared/config.ts'
import type { ClientSettings } from './client-provider.ts'

/** The config's `oauth`, `${VAR}` filled in. */
export interface ConfiguredClient extends ClientSettings {
  scope?: string | undefined
  /** 0 for any that is free. */
  redirectPort: number
}

/** @throws AppError CONFIG_INVALID when a variable is not set */
export function configuredClient(
  oauth: OAuthSettings | false | undefined,
  expand: (text: string, where: string) => string = (text) => text,
): ConfiguredClient {
  const { clientId, clientSecret, clientMetadataUrl, scope, redirectPort = 0 } = oauth || {}
  const filled = (text: string | undefined, name: string) => text && expand(text, `oauth.${name}`)
  return {
    clientId: filled(clientId, 'clientId'),
    clientSecret: filled(clientSecret, 'clientSecret'),
    clientMetadataUrl: filled(clientMetadataUrl, 'clientMetadataUrl'),
    scope: filled(scope, 'scope'),
    redirectPort,
  }
}
