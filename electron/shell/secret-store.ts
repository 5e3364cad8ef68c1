import type { SafeStorage } from 'electron'
import { FileSecretStore, type SecretCodec } from '../auth/file-store.ts'
import type { SecretStore } from '../auth/types.ts'
import type { Logger } from '../kit/logger.ts'

/** The part of Electron's safeStorage that is used. */
export type Encryption = Pick<
  SafeStorage,
  'isAsyncEncryptionAvailable' | 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'
>

/**
 * The desktop's store of tokens: encrypted with a key that the system keeps (Keychain, DPAPI, libsecret, KWallet), or, where
 * there is no such, the file that the headless host uses, with its warning. After the app is ready only.
 * @param files two of the user-data folder: one does not read what the other wrote
 */
export async function desktopSecretStore(
  encryption: Encryption,
  files: { encrypted: string; plain: string },
  logger: Logger,
  platform: NodeJS.Platform = process.platform,
): Promise<SecretStore> {
  if (await isProtecting(encryption, platform))
    return new FileSecretStore(files.encrypted, logger, codec(encryption, logger))
  logger.log('warn', 'the system offers no place for secrets (a keyring); tokens go to a file')
  return new FileSecretStore(files.plain, logger)
}

/** On Linux without a keyring "encryption" is with a key that everybody knows: worth as much as none. */
async function isProtecting(encryption: Encryption, platform: NodeJS.Platform): Promise<boolean> {
  if (!(await encryption.isAsyncEncryptionAvailable().catch(() => false))) return false
  return platform !== 'linux' || !['basic_text', 'unknown'].includes(encryption.getSelectedStorageBackend())
}

function codec(encryption: Encryption, logger: Logger): SecretCodec {
  return {
    encode: async (text) => (await encryption.encryptStringAsync(text)).toString('base64'),
    // shouldReEncrypt needs no answer: tokens are written anew at their next refresh.
    async decode(text) {
      try {
        return (await encryption.decryptStringAsync(Buffer.from(text, 'base64'))).result
      } catch {
        logger.log('warn', "a kept sign-in can't be decrypted any more (another keyring?); sign in again")
        return undefined
      }
    },
  }
}
