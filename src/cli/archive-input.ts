/** What `wissel archive` is given on its command line, read and checked. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { ArchiveError } from '../archive/archive-error.ts'
import type { AuditHead } from '../archive/audit.ts'
import { hashOf } from '../archive/chain.ts'
import { isDay } from '../archive/day.ts'
import { readPublicKey } from '../archive/keys.ts'
import type { KeyObject } from '../archive/keys.ts'
import type { OpenOptions } from '../archive/open.ts'
import { readRecipients } from '../archive/recipients.ts'
import { DEFAULT_RETENTION_DAYS } from '../archive/ship.ts'
import { WisselError } from '../errors.ts'
import { codeOf } from '../system.ts'

const OPTIONS = {
  days: { type: 'string' },
  out: { type: 'string' },
  officer: { type: 'string' },
  from: { type: 'string' },
  'list-key': { type: 'string' },
  'router-key': { type: 'string' },
  archive: { type: 'string' },
  key: { type: 'string', multiple: true },
  witness: { type: 'string', multiple: true },
  keep: { type: 'string' },
  audit: { type: 'string' },
  'audit-witness': { type: 'string' },
  'new-audit': { type: 'boolean' },
  recipients: { type: 'string' },
  'recipients-key': { type: 'string' },
  case: { type: 'string' },
  at: { type: 'string' },
  window: { type: 'string' },
  ip: { type: 'string' },
  identity: { type: 'string', multiple: true },
  keys: { type: 'string' },
} as const

export type Input = ReturnType<typeof parse>
export type Values = Input['values']

/** Throws a `WisselError` for what cannot be meant, as all here do; none repeats an address. */
export function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch {
    // The parser's message repeats what was typed, which may be an address.
    throw new WisselError('WISSEL_USAGE', ['archive was given an option that it does not have, or one without its value'])
  }
}

export function given(values: Values, name: Exclude<keyof Values, 'key' | 'witness' | 'identity' | 'new-audit'>): string {
  const value = values[name]
  if (value === undefined) throw new WisselError('WISSEL_USAGE', [`this needs --${name}`])
  return value
}

/** Of options such as `--key ROUTER=FILE`. */
export function pairs(values: readonly string[] | undefined, name: string): [string, string][] {
  return (values ?? []).map((value) => {
    const [, router = '', file = ''] = /^([a-z0-9][a-z0-9_.-]{0,63})=(.+)$/.exec(value) ?? []
    if (file === '') throw new WisselError('WISSEL_USAGE', [`--${name} must be ROUTER=FILE`])
    return [router, file]
  })
}

/** Public keys by router. */
export async function keysOf(values: Values): Promise<Map<string, KeyObject>> {
  const keys = new Map<string, KeyObject>()
  for (const [router, file] of pairs(values.key, 'key')) {
    if (keys.has(router)) throw new WisselError('WISSEL_USAGE', [`--key names ${router} twice`])
    keys.set(router, readPublicKey(await text(file)))
  }
  if (keys.size === 0) throw new WisselError('WISSEL_USAGE', ['this needs --key ROUTER=FILE'])
  return keys
}

/** The signed list that names the officers; undefined where none is given. */
export async function listOf(values: Values): Promise<OpenOptions['list']> {
  if (values.recipients === undefined && values['recipients-key'] === undefined) return undefined
  const key = readPublicKey(given(values, 'recipients-key'))
  const signed = await text(given(values, 'recipients'))
  return { recipients: readRecipients(signed, key), sha256: hashOf(signed) }
}

export async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new ArchiveError(`${path} cannot be read (${codeOf(error)})`)
  })
}

/** `NaN` for what is no number, which `ship` and `verify` refuse. */
export function keepDays(text: string | undefined): number {
  return text === undefined ? DEFAULT_RETENTION_DAYS : Number(text)
}

export function auditWitness(text: string | undefined): AuditHead | undefined {
  if (text === undefined) return undefined
  const [, seq, hash] = /^(\d{1,9}):([0-9a-f]{64})$/.exec(text) ?? []
  if (seq === undefined || hash === undefined) throw new WisselError('WISSEL_USAGE', ['--audit-witness must be SEQ:HASH, as archive verify prints it'])
  return { seq: Number(seq), hash }
}

/** Milliseconds since the epoch; undefined for what is no time of a day that there is. */
export function timeOf(text: string): number | undefined {
  const [, day = ''] = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  const time = isDay(day) ? Date.parse(text) : Number.NaN
  return Number.isFinite(time) ? time : undefined
}

/** Of standard input. */
export async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line
  return ''
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds. */
export function durationOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smh])$/.exec(text) ?? []
  const ms = UNITS[unit]
  if (ms === undefined) throw new WisselError('WISSEL_USAGE', ['--window must be a duration such as 30s, 10m or 2h'])
  return Number(count) * ms
}
