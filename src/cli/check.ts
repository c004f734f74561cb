/** `wissel check DIR`: every problem of a configuration at once, before a router sees it; and the schemas for editors. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WisselError } from '../errors.ts'
import { countryPlace } from '../geo/countries.ts'
import type { Built } from '../policy/build.ts'
import { buildSnapshot } from '../policy/build.ts'
import { checkLive, formatFindings } from './live.ts'
import type { LiveOptions } from './live.ts'
import { missingFiles, strayFiles } from './surroundings.ts'
import { bundleOf, digest, encodeBundle } from '../policy/bundle.ts'
import type { Bundle } from '../policy/bundle.ts'
import type { Problem } from '../policy/problem.ts'
import { errors, formatProblem } from '../policy/problem.ts'
import { jsonSchema, SCHEMAS } from '../policy/schema.ts'
import type { Settings } from '../policy/settings.ts'
import { readSettings, SETTINGS_FILE, settingsSchema } from '../policy/settings.ts'
import type { Version } from '../routing/model.ts'
import { readBundle } from '../state/directory.ts'

export interface Loaded extends Built {
  readonly bundle: Bundle
  readonly settings: Settings
}

/** Reads and builds a configuration directory. Rejects only where the directory itself cannot be read. */
export async function loadConfiguration(directory: string, now: number): Promise<Loaded> {
  let bundle = bundleOf([])
  let settingsText: string | undefined
  try {
    bundle = await readBundle(directory)
    settingsText = await readFile(join(directory, SETTINGS_FILE), 'utf8').catch(missingIsEmpty)
  } catch (error) {
    throw new WisselError('WISSEL_CONFIG_UNREADABLE', [directory, codeOf(error)], { cause: error })
  }
  const read = readSettings(SETTINGS_FILE, settingsText ?? '')
  const around = [...(await missingFiles(read, directory)), ...(await strayFiles(directory))]
  const built = build(bundle, { epoch: 1, number: 1, digest: digest(encodeBundle(bundle)) }, now)
  // Where the state is in Redis, so is the database.
  if (built.asns === true && settingsText !== undefined && read.settings.redis === undefined && read.settings.geo?.asnDatabase === undefined) {
    around.push(read.problem(['geo', 'asnDatabase'], 'is not set, so no zone or step that names an asn holds for anybody', 'warning'))
  }
  const problems = [...read.problems, ...around, ...built.problems]
  return { bundle, settings: read.settings, problems, snapshot: errors(problems).length > 0 ? undefined : built.snapshot }
}

/** The settings alone, for a router whose routing state is elsewhere. A folder or file that is missing is all defaults. */
export async function loadSettings(directory: string): Promise<Settings> {
  const text = await readFile(join(directory, SETTINGS_FILE), 'utf8').catch(() => undefined)
  const { settings, problems } = readSettings(SETTINGS_FILE, text ?? '')
  const wrong = errors(problems)
  if (wrong.length > 0) throw new WisselError('WISSEL_CONFIG_INVALID', [directory, wrong.map(formatProblem).join('\n')])
  return settings
}

export function build(bundle: Bundle, version: Version, now: number): Built {
  return buildSnapshot(bundle, { version, now, continentOf: (country) => countryPlace(country)?.continent })
}

/** Prints to `out`; the exit status: 0 usable (warnings or not), 1 not. */
export async function check(directory: string, { json, now, out, live }: { json: boolean; now: number; out: (text: string) => void; live?: LiveOptions }): Promise<number> {
  const { snapshot, problems } = await loadConfiguration(directory, now)
  const findings = snapshot === undefined || live === undefined ? undefined : await checkLive(snapshot, live)
  if (json) out(`${JSON.stringify({ usable: snapshot !== undefined, problems, ...(findings === undefined ? {} : { live: findings }) }, null, 2)}\n`)
  else out(report(problems, snapshot === undefined ? undefined : [snapshot.services.length, snapshot.targets.length, snapshot.zones.size, snapshot.policies.length]) + (findings === undefined ? '' : formatFindings(findings)))
  return snapshot === undefined || findings?.some(({ severity }) => severity === 'error') === true ? 1 : 0
}

const COUNTED = [['service', 'services'], ['target', 'targets'], ['zone entry', 'zone entries'], ['policy', 'policies']] as const

function report(problems: readonly Problem[], counts: readonly number[] | undefined): string {
  const lines = problems.map(formatProblem)
  if (counts === undefined) lines.push(`${errors(problems).length} problem${errors(problems).length === 1 ? '' : 's'}`)
  else lines.push(`usable: ${COUNTED.map(([one, many], i) => `${counts[i] ?? 0} ${counts[i] === 1 ? one : many}`).join(', ')}`)
  return `${lines.join('\n')}\n`
}

/** Writes one JSON Schema per kind of file, which editors use to complete and check while typing. */
export async function writeSchemas(directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true })
  const schemas = Object.entries({ ...SCHEMAS, wissel: settingsSchema }).map(([name, schema]) => [name, jsonSchema(schema, `Wissel: ${name}`)] as const)
  for (const [name, schema] of schemas) await writeFile(join(directory, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`)
  return schemas.map(([name]) => `${name}.json`)
}

function missingIsEmpty(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
