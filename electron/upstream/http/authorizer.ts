export type { Authorizer } from '../../kit/authorizer.ts'
