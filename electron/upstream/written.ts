import { AppError } from '../../shared/errors.ts'

/** The same error, and whether the server may have got the request. */
export const withWritten = ({ code, message, data, cause }: AppError, written: boolean): AppError =>
  new AppError(code, message, { ...data, written }, { cause })

/** Certain that the server did not get the request; told by connections that write later than they are called. */
export const isUnwritten = (error: unknown): boolean => error instanceof AppError && error.data?.written === false
