export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** What a room logs to. Fields are plain data; secrets never go in. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: Record<string, unknown>): void
}

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

/** One line for each entry: `time level message key=value…`, for a terminal or a log file. */
export function lineLogger(
  write: (line: string) => void,
  minimum: LogLevel = 'info',
  wall: () => number = Date.now,
): Logger {
  return {
    log(level, message, fields) {
      if (order[level] < order[minimum]) return
      const pairs = fields
        ? Object.entries(fields).map(
            ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
          )
        : []
      // What servers print may reach a message: control characters must not steer a terminal.
      const text = `${message}${pairs.join('')}`.replace(
        /(?![\t\n])\p{Cc}/gu,
        (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
      )
      write(`${new Date(wall()).toISOString()} ${level} ${text}\n`)
    },
  }
}

export const silentLogger: Logger = { log() {} }
