/** What stands around a configuration and is easily missed: files that nobody reads, and files that settings name and that are not there. */
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { readToken } from '../app/token-file.ts'
import { MIN_TOKEN } from '../http/admin-server.ts'
import { KINDS } from '../policy/bundle.ts'
import type { Kind } from '../policy/bundle.ts'
import { readDocuments } from '../policy/document.ts'
import type { Path, Problem } from '../policy/problem.ts'
import { SETTINGS_FILE } from '../policy/settings.ts'
import type { ReadSettings, Settings } from '../policy/settings.ts'
import { ignoredFiles } from '../state/directory.ts'
import type { Ignored } from '../state/directory.ts'
import { codeOf } from '../system.ts'

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

/** A file that settings name. */
interface Named {
  readonly path: Path
  readonly file: string | undefined
  /** Without it. Default: the router does not start. */
  readonly consequence?: string
  /** Its first line is a token that must not be guessed. */
  readonly token?: true
}

/** Without these the router would not start, or would not do what the settings say; on another machine they may be there. */
export async function missingFiles({ settings: { admin, geo, usage, archive, log, redis }, problem }: ReadSettings, directory: string): Promise<Problem[]> {
  const within = (file: string) => (isAbsolute(file) ? file : join(directory, file))
  const named: readonly Named[] = [
    { path: ['admin', 'tokenFile'], file: admin?.tokenFile, token: true },
    { path: ['usage', 'tokenFile'], file: usage?.tokenFile, token: true },
    { path: ['geo', 'database'], file: geo?.database, consequence: 'until it is there clients are placed by zones alone' },
    { path: ['geo', 'asnDatabase'], file: geo?.asnDatabase, consequence: 'until it is there nothing that names an asn holds for anybody' },
    { path: ['archive', 'recipients'], file: archive?.recipients },
    { path: ['archive', 'signingKey'], file: archive?.signingKey },
    ...(log?.sinks ?? []).flatMap((sink, i): Named[] => (sink.type === 'http' ? [{ path: ['log', 'sinks', i, 'tokenFile'], file: sink.tokenFile }] : [])),
  ]
  const problems: Problem[] = []
  for (const { path, file, consequence = 'a router does not start without it', token } of named) {
    if (file === undefined) continue
    const code = await unreadable(within(file))
    const length = code === undefined && token === true ? (await readToken(within(file))).length : MIN_TOKEN
    if (code !== undefined) problems.push(problem(path, `"${file}" cannot be read here (${code}); ${consequence}`, 'warning'))
    else if (length < MIN_TOKEN) problems.push(problem(path, `"${file}" has ${length} characters in its first line; a router does not start with fewer than ${MIN_TOKEN}`, 'warning'))
  }
  for (const { path, file } of redisFiles(redis, log)) {
    const code = file === undefined ? undefined : await unreadable(file)
    if (code !== undefined) problems.push(problem(path, `"${file ?? ''}" cannot be read here (${code}), in the working directory where it is relative; a router does not start without it`, 'warning'))
  }
  return problems
}

/** Unlike all others these are relative to the working directory, as on the command line. */
function redisFiles(redis: Settings['redis'], log: Settings['log']): Named[] {
  const { caFile, certFile, keyFile } = redis?.tls ?? {}
  // Where the connection is not encrypted nobody reads them.
  const tls: readonly (readonly [name: string, file: string | undefined])[] = redis?.url.startsWith('rediss') === true ? [['caFile', caFile], ['certFile', certFile], ['keyFile', keyFile]] : []
  return [
    { path: ['redis', 'passwordFile'], file: redis?.passwordFile },
    { path: ['redis', 'sentinelPasswordFile'], file: redis?.url.includes('+sentinel') === true ? redis.sentinelPasswordFile : undefined },
    ...tls.map(([name, file]) => ({ path: ['redis', 'tls', name], file })),
    ...(log?.sinks ?? []).flatMap((sink, i): Named[] => (sink.type === 'redis' ? [{ path: ['log', 'sinks', i, 'passwordFile'], file: sink.passwordFile }] : [])),
  ]
}

/** Why a file cannot be read; a directory can be opened, and not read. */
async function unreadable(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path)
    return (await file.stat()).isDirectory() ? 'EISDIR' : undefined
  } catch (error) {
    return codeOf(error)
  }
}
