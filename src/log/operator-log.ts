/**
 * What the router tells its operator: JSON lines, from a closed list of events, with a few named fields. The owner of `pino`.
 *
 * No request is ever described here. An error is its name and code: messages and stacks hold what was being worked on
 * (`ERR_INVALID_URL` holds the URL, a parser's error the packet). A value that does not look like its field is withheld.
 */
import pino from 'pino'

export const EVENTS = {
  started: 'the router accepts requests',
  stopping: 'the router stops: it accepts no new connections and finishes what it has',
  stopped: 'the router has stopped',
  snapshot_applied: 'a new snapshot decides from now on',
  snapshot_held: 'a newer snapshot is left alone: the version is frozen, or the snapshot is for other routers',
  service_quarantined: 'a service could not be built and runs on its own last good version',
  state_not_kept: 'the last known good snapshot could not be written to disk; a restart while Redis is away would serve an older one',
  state_skipped: 'kept snapshots were torn or altered and were passed over',
  redis_up: 'Redis answers',
  redis_down: 'Redis does not answer; what runs goes on running',
  state_empty: 'nothing is published in Redis; what runs goes on running, and a router that starts anew has nothing to run',
  redis_evicts: 'Redis throws keys away when its memory is full, the published state among them; set its maxmemory-policy to noeviction',
  duplicate_router: 'another process goes by the name of this router; give each its own',
  override_unreadable: 'an operator\'s command on a target cannot be read; the one before it holds; give it again with wissel target',
  override_changed: 'an operator\'s command on a target came, ended or was taken back',
  task_recovered: 'a background task works again',
  snapshot_refused: 'a new snapshot was refused; the last good one goes on deciding',
  config_problem: 'something in the configuration is not right',
  settings_changed: 'the settings file was changed; the router goes by what it was started with until it is restarted',
  geo_loaded: 'a geo database is in use',
  start_not_kept: 'what makes the next start quicker could not be written to disk; it will take longer, and nothing else changes',
  geo_refused: 'a geo database was refused; the one before it stays in use',
  health_changed: 'a target changed its state',
  health_quarantined: 'most targets seem to fail at once, so the fault is probably here; no state was changed',
  records_dropped: 'decision records were dropped',
  sink_failed: 'a sink of decision records failed; it is tried again, unless it is standard output whose reader is gone: that needs a restart',
  sink_recovered: 'a sink of decision records works again',
  archive_failed: 'the sealed archive cannot be written; it is tried again, and what does not fit in memory is dropped and counted',
  archive_locked: 'another process writes to this router\'s directory of the sealed archive; nothing is written until it ends; give each router an id or a directory of its own',
  archive_recovered: 'the sealed archive can be written again',
  archive_no_keys: 'the list of archive keys has none for today, so nothing is archived; put a renewed list in its place',
  archive_keys_low: 'the archive keys end in so many days, today included; then nothing is archived; have both officers make new ones and put the renewed list in its place',
  request_failed: 'a request failed by a fault of the router; the others go on',
  thread_died: 'a thread that answers players died, with its connections; another is started after so many milliseconds',
  task_failed: 'a background task failed; it is tried again',
} as const
export type OperatorEvent = keyof typeof EVENTS

const ID = /^[a-z0-9_][a-z0-9_.-]{0,63}$/
const LINE = /^[ -~]{1,300}$/

/** Every field that a message may have, with what its text must look like. Numbers and booleans go with any field. */
export const OPERATOR_FIELDS = {
  service: ID,
  target: ID,
  sink: ID,
  state: ID,
  reason: ID,
  task: ID,
  /** `42:9f2c17ab` */
  version: /^\d{1,16}:[0-9a-f]{8}$/,
  previous: /^\d{1,16}:[0-9a-f]{8}$/,
  code: /^[A-Z][A-Z0-9_]{0,63}$/,
  /** Our own listener, never a peer. */
  listener: /^[a-z0-9.:[\]-]{1,80}$/i,
  /** A file of the configuration or the log. */
  file: LINE,
  /** What the configuration check says. */
  problem: LINE,
  line: /^$/,
  count: /^$/,
  thread: /^$/,
  total: /^$/,
  milliseconds: /^$/,
  bytes: /^$/,
} as const
export type OperatorField = keyof typeof OPERATOR_FIELDS
export type OperatorFields = { readonly [Field in OperatorField]?: string | number | boolean | undefined }

export interface OperatorLogOptions {
  /** Takes one line with its line end; must not wait and must not throw. */
  readonly write: (line: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Id of this router. */
  readonly router: string
  /** Default `info`. */
  readonly level?: 'info' | 'warn' | 'error' | 'silent'
}

export class OperatorLog {
  readonly #log: pino.Logger

  constructor({ write, now, router, level = 'info' }: OperatorLogOptions) {
    const timestamp = () => `,"time":"${new Date(now()).toISOString()}"`
    // Serialisers and hooks stay unused: only `clean` decides what is written.
    const formatters = { level: (label: string) => ({ level: label }) }
    this.#log = pino({ level, base: { router: clean('service', router) }, timestamp, formatters }, { write })
  }

  info(event: OperatorEvent, fields: OperatorFields = {}): void {
    this.#log.info({ event, ...cleaned(fields) }, EVENTS[event])
  }

  warn(event: OperatorEvent, fields: OperatorFields = {}, error?: unknown): void {
    this.#log.warn({ event, ...cleaned(fields), ...described(error) }, EVENTS[event])
  }

  /** @param error becomes its name and code; neither its message nor its stack */
  error(event: OperatorEvent, fields: OperatorFields = {}, error?: unknown): void {
    this.#log.error({ event, ...cleaned(fields), ...described(error) }, EVENTS[event])
  }
}

function cleaned(fields: OperatorFields): Record<string, string | number | boolean> {
  const result: Record<string, string | number | boolean> = {}
  for (const name of Object.keys(OPERATOR_FIELDS) as OperatorField[]) {
    const value = fields[name]
    if (value !== undefined) result[name] = clean(name, value)
  }
  return result
}

const WITHHELD = '[withheld]'

function clean(field: OperatorField, value: string | number | boolean): string | number | boolean {
  return typeof value !== 'string' || OPERATOR_FIELDS[field].test(value) ? value : WITHHELD
}

function described(error: unknown): { error?: string, code?: string } {
  if (error === undefined) return {}
  if (!(error instanceof Error)) return { error: typeof error }
  const name = /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'Error'
  const code = 'code' in error && typeof error.code === 'string' && OPERATOR_FIELDS.code.test(error.code) ? error.code : undefined
  return code === undefined ? { error: name } : { error: name, code }
}
