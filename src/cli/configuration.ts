/** Reading a configuration directory: its files, what stands around them, its settings. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WisselError } from '../errors.ts'
import { countryPlace } from '../geo/countries.ts'
import type { Built } from '../policy/build.ts'
import { buildSnapshot } from '../policy/build.ts'
import { bundleOf, digest, encodeBundle } from '../policy/bundle.ts'
import type { Bundle } from '../policy/bundle.ts'
import { errors, formatProblem } from '../policy/problem.ts'
import type { Settings } from '../policy/settings.ts'
import { readSettings, SETTINGS_FILE } from '../policy/settings.ts'
import type { Version } from '../routing/model.ts'
import { readBundle, UnreadableFileError } from '../state/directory.ts'
import { codeOf } from '../system.ts'
import { missingFiles, strayFiles } from './surroundings.ts'

export interface Loaded extends Built {
  readonly bundle: Bundle
  readonly settings: Settings
}

/** Reads and builds a configuration directory. Rejects with a `WisselError` only where the directory itself or a file in it cannot be read. */
export async function loadConfiguration(directory: string, now: number, builder: Builder = build): Promise<Loaded> {
  let bundle = bundleOf([])
  let settingsText: string | undefined
  try {
    bundle = await readBundle(directory)
    settingsText = await readFile(join(directory, SETTINGS_FILE), 'utf8').catch(missingIsEmpty(SETTINGS_FILE))
  } catch (error) {
    if (error instanceof UnreadableFileError) throw new WisselError('WISSEL_FILE_UNREADABLE', [join(directory, error.file), error.code], { cause: error })
    throw new WisselError('WISSEL_CONFIG_UNREADABLE', [directory, codeOf(error)], { cause: error })
  }
  const read = readSettings(SETTINGS_FILE, settingsText ?? '')
  const around = [...(await missingFiles(read, directory)), ...(await strayFiles(directory))]
  const built = await builder(bundle, { epoch: 1, number: 1, digest: digest(encodeBundle(bundle)) }, now)
  // Where the state is in Redis, so is the database.
  if (built.asns === true && settingsText !== undefined && read.settings.redis === undefined && read.settings.geo?.asnDatabase === undefined) {
    around.push(read.problem(['geo', 'asnDatabase'], 'is not set, so no zone or step that names an asn holds for anybody', 'warning'))
  }
  const problems = [...read.problems, ...around, ...built.problems]
  return { bundle, settings: read.settings, problems, snapshot: errors(problems).length > 0 ? undefined : built.snapshot }
}

/** The settings alone, for a router whose routing state is elsewhere. A folder or file that is missing is all defaults; one that cannot be read is not. */
export async function loadSettings(directory: string): Promise<Settings> {
  const text = await readFile(join(directory, SETTINGS_FILE), 'utf8').catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined
    throw new WisselError('WISSEL_FILE_UNREADABLE', [join(directory, SETTINGS_FILE), codeOf(error)], { cause: error })
  })
  const { settings, problems } = readSettings(SETTINGS_FILE, text ?? '')
  const wrong = errors(problems)
  if (wrong.length > 0) throw new WisselError('WISSEL_CONFIG_INVALID', [directory, wrong.map(formatProblem).join('\n')])
  return settings
}

type Builder = (bundle: Bundle, version: Version, now: number) => Built | Promise<Built>

export function build(bundle: Bundle, version: Version, now: number): Built {
  return buildSnapshot(bundle, { version, now, continentOf: (country) => countryPlace(country)?.continent })
}

function missingIsEmpty(file: string): (error: unknown) => undefined {
  return (error) => {
    if (codeOf(error) !== 'ENOENT') throw new UnreadableFileError(file, error)
  }
}
