/**
 * `wissel.yaml` while the router runs. What it says holds from the next start on, so a change is told and not obeyed: whoever
 * saved it must not believe that it holds already.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { OperatorLog } from '../log/operator-log.ts'
import { errors } from '../policy/problem.ts'
import { readSettings, SETTINGS_FILE } from '../policy/settings.ts'
import type { Settings } from '../policy/settings.ts'
import { codeOf } from '../system.ts'

export interface SettingsWatchOptions {
  readonly directory: string
  /** What the router was started with. */
  readonly started: Settings
  readonly messages: OperatorLog
  /** Rejects as the file system does. Default: from the directory. */
  readonly read?: (path: string) => Promise<string>
}

export class SettingsWatch {
  readonly #options: SettingsWatchOptions
  /** The file's text, or why there is none, as it was told last. */
  #told: string | undefined

  constructor(options: SettingsWatchOptions) {
    this.#options = options
  }

  /** Tells of a change once. Never rejects. @param again tells also what was told before: somebody asks */
  async look(again = false): Promise<void> {
    const { directory, messages, read = (path) => readFile(path, 'utf8') } = this.#options
    let text = ''
    try {
      text = await read(join(directory, SETTINGS_FILE))
    } catch (error) {
      const code = codeOf(error)
      // Without the file all settings have their defaults, which may be another choice.
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        if (this.#isNews(`code ${code}`, again)) messages.warn('config_problem', { file: SETTINGS_FILE, code, problem: 'cannot be read; a router does not start with it' })
        return
      }
    }
    if (!this.#isNews(`text ${text}`, again)) return
    const { settings, problems } = readSettings(SETTINGS_FILE, text)
    const wrong = errors(problems)
    if (wrong.length > 0) {
      for (const { file, line, path, message } of wrong) messages.warn('config_problem', { file, line, problem: path === '' ? message : `${path}: ${message}` })
      messages.warn('config_problem', { file: SETTINGS_FILE, problem: 'a router does not start with these settings; the running ones stay' })
      return
    }
    const changed = changes(this.#options.started, settings)
    if (changed.length > 0) messages.warn('settings_changed', { file: SETTINGS_FILE, problem: `restart to apply ${changed.join(', ')}` })
  }

  #isNews(state: string, again: boolean): boolean {
    const same = state === this.#told
    this.#told = state
    return again || !same
  }
}

/** The names of the settings that differ. */
function changes(before: Settings, after: Settings): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => !isDeepStrictEqual(Reflect.get(before, name), Reflect.get(after, name))).sort()
}
