import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = resolve(import.meta.dirname, '../../node_modules/.cache/standin-chromium')

/**
 * Folder of the headless Chromium that @sparticuz/chromium ships inside its package. Extracted once, into a cache named
 * after the version, and moved there whole: a test that starts meanwhile sees all of it or nothing.
 */
async function chromiumFolder(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@sparticuz/chromium'))
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8')) as { version: string }
  const folder = join(cache, version)
  if (existsSync(join(folder, 'chromium'))) return folder
  mkdirSync(cache, { recursive: true })
  const partial = mkdtempSync(join(cache, 'partial-'))
  const tmpdir = process.env.TMPDIR
  process.env.TMPDIR = partial // the package knows no other way to say where
  try {
    const { default: chromium } = await import('@sparticuz/chromium')
    await chromium.executablePath()
    writeFileSync(join(partial, 'fonts/fonts.conf'), fontsConf(folder))
    renameSync(partial, folder)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    if (!existsSync(join(folder, 'chromium'))) throw error // else another process was first
  } finally {
    if (tmpdir === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = tmpdir
  }
  return folder
}

/** The package's own file names folders of a cloud machine; without a font, text has no height. */
const fontsConf = (folder: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts')}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`

/**
 * Chromium's sandbox needs user namespaces, and refuses to run for root. Only there it is switched off: what is tested
 * is our own pages.
 */
function sandboxSwitches(): string[] {
  const root = process.getuid?.() === 0
  const usable = !root && spawnSync('unshare', ['--user', 'true']).status === 0
  return usable ? [] : ['--no-sandbox']
}

export interface Chromium {
  executable: string
  switches: string[]
  env: Record<string, string>
}

/** How to start Chromium on this machine, with fonts and a locale of its own. */
export async function findChromium(): Promise<Chromium> {
  const folder = await chromiumFolder()
  const inherited = Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return {
    executable: join(folder, 'chromium'),
    switches: [...sandboxSwitches(), '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'],
    env: {
      ...Object.fromEntries(inherited),
      FONTCONFIG_PATH: join(folder, 'fonts'),
      LANG: 'en_US.UTF-8',
      LC_ALL: 'en_US.UTF-8',
    },
  }
}
