import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { parseSync, Visitor } from 'vite'

export interface Import {
  /** Both relative to the tree's root, with forward slashes; a package or builtin stands as written. */
  file: string
  target: string
  isPackage: boolean
  isTypeOnly: boolean
}

/** Stands for `import(expression)`. */
export const computed = '(computed)'

const slashes = (path: string) => path.split(sep).join('/')

/** Every import and re-export, dynamic ones and `import('…')` types included, of the code files under these folders; build configs aside. */
export function readImports(root: string, folders: readonly string[]): Import[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|tsx|js|mjs|cjs)$/.test(name) && !name.endsWith('.config.ts'))
      .flatMap((name) => importsOf(root, slashes(join(folder, name)))),
  )
}

function importsOf(root: string, file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8')
  const { program, module, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file} can't be parsed: ${errors[0]?.message}`)
  const found: { specifier: string; isTypeOnly: boolean }[] = []
  for (const { moduleRequest, entries } of module.staticImports)
    found.push({ specifier: moduleRequest.value, isTypeOnly: entries.length > 0 && entries.every((it) => it.isType) })
  for (const { entries } of module.staticExports)
    for (const { moduleRequest, isType } of entries)
      if (moduleRequest) found.push({ specifier: moduleRequest.value, isTypeOnly: isType })
  for (const { moduleRequest } of module.dynamicImports) {
    const literal = /^(['"`])([^$]*)\1$/.exec(source.slice(moduleRequest.start, moduleRequest.end))
    found.push({ specifier: literal?.[2] ?? computed, isTypeOnly: false })
  }
  new Visitor({
    TSImportType: ({ source: literal }) => void found.push({ specifier: literal.value, isTypeOnly: true }),
  }).visit(program)
  return found.map(({ specifier, isTypeOnly }) => {
    const isPackage = !specifier.startsWith('.')
    const target = isPackage ? specifier : slashes(normalize(join(dirname(file), specifier)))
    return { file, target: isPackage ? target : slashes(relative('', target)), isPackage, isTypeOnly }
  })
}
