import { stat } from 'node:fs/promises'
import which from 'which'
import type { z } from 'zod'
import { entrySchemaFor, type findingSchema, upstreamNameSchema } from '../../shared/contract.ts'
import { AppError } from '../../shared/errors.ts'
import { expand, type Variables } from '../config/expand.ts'
import { parseEntry, resolveUpstream } from '../config/resolve.ts'
import { checkRemote } from './check-remote.ts'

type Finding = z.infer<typeof findingSchema>

/** Everything that is wrong, or looks wrong, with a name and an entry, before anything is started. */
export async function checkEntry(options: {
  name: string
  entry: Record<string, unknown>
  nameTaken: boolean
  /** Names of entries that are there already are kept, whatever other clients allow in them. */
  namePinned: boolean
  variables: Variables
  path: string | undefined
}): Promise<{ findings: Finding[]; resolvedCommand: string | null }> {
  const { name, entry, nameTaken, variables } = options
  const findings: Finding[] = []
  const add = (level: Finding['level'], path: Finding['path'], message: string) =>
    findings.push({ level, path, message })

  const named = upstreamNameSchema.safeParse(name)
  if (!named.success && !options.namePinned)
    add('error', ['name'], named.error.issues[0]?.message ?? 'not a valid name')
  else if (nameTaken) add('error', ['name'], `there is an upstream "${name}" already`)

  const parsed = entrySchemaFor(entry).safeParse(entry)
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      add(
        'error',
        issue.path.filter((part) => typeof part !== 'symbol'),
        issue.message,
      )
    return { findings, resolvedCommand: null }
  }
  let target: ReturnType<typeof resolveUpstream>
  try {
    target = resolveUpstream(name, parseEntry(entry, []), {}, [])
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    add('error', (error.data?.path as Finding['path'] | undefined) ?? [], String(error.data?.expected ?? error.message))
    return { findings, resolvedCommand: null }
  }
  if (entry.url !== undefined && entry.command !== undefined) {
    const [counts, other] = target.transport === 'stdio' ? (['command', 'url'] as const) : (['url', 'command'] as const)
    add('warning', [other], `there is a ${counts} too, which is what counts: this one is left out`)
  }
  const filled = (text: string, path: Finding['path']): string | undefined => {
    try {
      return expand(text, variables, path.join('.'))
    } catch (error) {
      add('warning', path, (error as Error).message)
      return undefined
    }
  }
  if (target.transport !== 'stdio') {
    checkRemote(target, filled, add)
    return { findings, resolvedCommand: null }
  }
  for (const [key, value] of Object.entries(target.env)) filled(value, ['env', key])
  target.args.forEach((argument, i) => void filled(argument, ['args', i]))
  if (target.cwd !== undefined) {
    const cwd = filled(target.cwd, ['cwd'])
    const isFolder =
      cwd === undefined ||
      (await stat(cwd).then(
        (entry) => entry.isDirectory(),
        () => false,
      ))
    if (!isFolder) add('error', ['cwd'], `there is no folder ${cwd}`)
  }
  const command = filled(target.command, ['command'])
  if (command === undefined) return { findings, resolvedCommand: null }
  const resolvedCommand = await which(command, {
    nothrow: true,
    ...(options.path === undefined ? {} : { path: options.path }),
  })
  if (resolvedCommand === null)
    add('warning', ['command'], `${command} was not found on this PATH; the upstream would fail to start`)
  return { findings, resolvedCommand }
}
