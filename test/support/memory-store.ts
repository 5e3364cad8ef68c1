import type { SecretStore } from '../../electron/auth/types.ts'

/** Keeps secrets until the process ends. */
export function memorySecretStore(): SecretStore {
  const secrets = new Map<string, string>()
  return {
    kind: 'memory',
    get: async (key) => secrets.get(key),
    set: async (key, value) => void secrets.set(key, value),
    delete: async (key) => void secrets.delete(key),
  }
}
