/** What stands around a configuration and is easily missed: files that nobody reads, and files that settings name and that are not there. */
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { KINDS } from '../policy/bundle.ts'
import type { Kind } from '../policy/bundle.ts'
import { readDocuments } from '../policy/document.ts'
import type { Problem } from '../policy/problem.ts'
import { SETTINGS_FILE } from '../policy/settings.ts'
import type { ReadSettings } from '../policy/settings.ts'
import { ignoredFiles } from '../state/directory.ts'
import type { Ignored } from '../state/directory.ts'

/** Keys by which a file says what it is. Groups alone do not: rules for Prometheus have them too. */
const MARKS: Readonly<Record<string, Kind>> = { service: 'services', targets: 'targets', zones: 'zones', policy: 'policies' }

const IGNORED: Readonly<Record<Ignored, string>> = {
  name: 'is not read; name it .yaml, or move it elsewhere',
  'folder link': 'is a link to a folder, which is not followed; put the files here, or a link to each',
  'no file': 'is not read; it is no file',
}

/** What is not read in the folders that are, and files beside them, or in folders beside them, which look as if they were meant to be. */
export async function strayFiles(directory: string): Promise<Problem[]> {
  const paths: string[] = []
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || KINDS.some((kind) => kind === entry.name)) continue
    // A link is read as what it leads to.
    const is = entry.isSymbolicLink() ? await stat(join(directory, entry.name)).catch(() => entry) : entry
    if (is.isFile()) paths.push(entry.name)
    else if (is.isDirectory()) paths.push(...(await readdir(join(directory, entry.name)).catch(() => [])).map((name) => `${entry.name}/${name}`))
  }
  const problems = [...(await ignoredFiles(directory))].map(([file, why]): Problem => ({ file, line: 1, path: '', message: IGNORED[why], severity: 'warning' }))
  for (const file of paths.filter((path) => /\.ya?ml$/.test(path) && path !== SETTINGS_FILE)) {
    const warn = (message: string) => problems.push({ file, line: 1, path: '', message, severity: 'warning' })
    if (file === 'wissel.yml') warn(`is not read; name it ${SETTINGS_FILE}`)
    const { documents } = readDocuments(file, await readFile(join(directory, file), 'utf8').catch(() => ''))
    const kind = Object.entries(MARKS).find(([key]) => documents.some(({ value }) => typeof value === 'object' && value !== null && Object.hasOwn(value, key)))?.[1]
    if (kind !== undefined) warn(`is not read; move it to ${kind}/`)
  }
  return problems
}

/** Without these the router would not start, or would not do what the settings say; on another machine they may be there. */
export async function missingFiles({ settings: { admin, geo, usage }, problem }: ReadSettings, directory: string): Promise<Problem[]> {
  const named: readonly (readonly [path: readonly string[], file: string | undefined, consequence: string])[] = [
    [['admin', 'tokenFile'], admin?.tokenFile, 'a router does not start without it'],
    [['usage', 'tokenFile'], usage?.tokenFile, 'a router does not start without it'],
    [['geo', 'database'], geo?.database, 'until it is there clients are placed by zones alone'],
    [['geo', 'asnDatabase'], geo?.asnDatabase, 'until it is there nothing that names an asn holds for anybody'],
  ]
  const problems: Problem[] = []
  for (const [path, file, consequence] of named) {
    if (file === undefined) continue
    const code = await readable(isAbsolute(file) ? file : join(directory, file))
    if (code !== undefined) problems.push(problem(path, `"${file}" cannot be read here (${code}); ${consequence}`, 'warning'))
  }
  return problems
}

async function readable(path: string): Promise<string | undefined> {
  try {
    await (await open(path)).close()
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  }
}
