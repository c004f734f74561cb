/**
 * `wissel verify LOG --config DIR`: judges every record of a service with a jurisdiction policy again, against the
 * configuration as it was archived, and trusts nothing that the record says of itself.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { WisselError } from '../errors.ts'
import { parseLine } from '../log/segments/lines.ts'
import { segmentsAmong } from '../log/segments/names.ts'
import { linesOf } from '../log/segments/read.ts'
import { digest, encodeBundle } from '../policy/bundle.ts'
import type { DecisionRecord } from '../privacy/record.ts'
import { faults } from '../routing/jurisdiction.ts'
import type { Snapshot, Target } from '../routing/model.ts'
import { codeOf } from '../system.ts'
import type { Loaded } from './configuration.ts'

export interface VerifyOptions {
  /** One for each snapshot that the log may hold; `loadConfiguration` makes them. */
  readonly configurations: readonly Loaded[]
  readonly json: boolean
  readonly out: (text: string) => void
}

interface Day {
  /** Decisions of services with a policy, judged. */
  judged: number
  refused: number
  violations: number
  /** Decisions of services without a policy. */
  unconstrained: number
  /** Decisions by a snapshot whose configuration was not given. */
  unknown: number
}

/** The exit status: 0 when everything was judged and nothing is wrong, 1 for a violation, 2 when some could not be judged. */
export async function verify(log: string, { configurations, json, out }: VerifyOptions): Promise<number> {
  const worlds = new Map(configurations.map(({ bundle, snapshot }) => [digest(encodeBundle(bundle)).slice(0, 8), snapshot === undefined ? undefined : new Judge(snapshot)]))
  const days = new Map<string, Day>()
  const digests = new Set<string>()
  const wrong = new Map<string, number>()
  let unreadable = 0
  for (const file of await filesOf(log)) {
    for await (const { text, torn } of linesOf(file)) {
      const line = parseLine(text)
      if (line.kind === 'unknown' && !torn) unreadable++
      if (line.kind !== 'record') continue
      const { record } = line
      const day = days.get(record.t.slice(0, 10)) ?? { judged: 0, refused: 0, violations: 0, unconstrained: 0, unknown: 0 }
      days.set(record.t.slice(0, 10), day)
      const of = record.snapshot.slice(record.snapshot.indexOf(':') + 1)
      const judge = worlds.get(of)
      if (judge === undefined) {
        day.unknown += record.n
        digests.add(of)
        continue
      }
      const found = judge.judge(record)
      if (found === 'unconstrained') day.unconstrained += record.n
      else if (found === 'refused') day.refused += record.n
      else day.judged += record.n
      if (typeof found === 'string') continue
      if (found.length > 0) day.violations += record.n
      for (const fault of found) wrong.set(fault, (wrong.get(fault) ?? 0) + record.n)
    }
  }
  const rows = [...days].sort(([a], [b]) => (a < b ? -1 : 1))
  const sum = (column: keyof Day) => rows.reduce((total, [, day]) => total + day[column], 0)
  const result = { judged: sum('judged'), refused: sum('refused'), violations: sum('violations'), unconstrained: sum('unconstrained'), unknown: sum('unknown'), unreadable }
  if (json) out(`${JSON.stringify({ ...result, days: Object.fromEntries(rows), faults: Object.fromEntries(wrong), missing: [...digests].sort() }, null, 2)}\n`)
  else out(report(rows, result, wrong, digests))
  if (result.violations > 0) return 1
  return result.unknown > 0 || unreadable > 0 || rows.length === 0 ? 2 : 0
}

/** Judges records by one snapshot. */
class Judge {
  readonly #services: Snapshot['ids']
  readonly #targets: ReadonlyMap<string, Target>

  constructor(snapshot: Snapshot) {
    this.#services = snapshot.ids
    this.#targets = new Map(snapshot.targets.map((target) => [target.id, target]))
  }

  /** What is wrong; empty where nothing is. */
  judge(record: DecisionRecord): readonly string[] | 'unconstrained' | 'refused' {
    const service = record.service === null ? undefined : this.#services.get(record.service)
    if (record.service !== null && service === undefined) return ['the service is not in the configuration']
    const policy = service?.policy
    if (policy === undefined) return record.policy === null ? 'unconstrained' : ['the record names a policy that the service does not have']
    if (record.policy !== policy.id) return [`the record does not name the policy ${policy.id}`]
    if (record.outcome === 'refuse') return record.target === null ? 'refused' : ['a refusal names a target']
    const target = record.target === null ? undefined : this.#targets.get(record.target)
    if (target === undefined) return ['the target is not in the configuration']
    const found = faults(policy, target.jurisdiction, Date.parse(record.t)).map((fault) => `${target.id} does not satisfy ${policy.id}: ${fault}`)
    if (record.compliant !== true) found.push('the record does not say that it complies')
    if (!declared(record, target)) found.push(`the record tells another jurisdiction of ${target.id} than the configuration`)
    return found
  }
}

function declared({ jurisdiction }: DecisionRecord, { jurisdiction: { operator, parent, server, logs, foreign } }: Target): boolean {
  const list = (values: readonly string[] | undefined) => (values === undefined ? null : [...new Set(values)].sort().join())
  return jurisdiction !== null && jurisdiction.operator === (operator ?? null) && jurisdiction.parent === (parent ?? null)
    && jurisdiction.server === list(server) && jurisdiction.logs === list(logs) && (jurisdiction.foreign?.join() ?? null) === list(foreign)
}

/** A file of records, or a directory of segments. */
async function filesOf(log: string): Promise<string[]> {
  try {
    if (!(await stat(log)).isDirectory()) return [log]
    return segmentsAmong(await readdir(log)).map(({ file }) => join(log, file))
  } catch (error) {
    throw new WisselError('WISSEL_USAGE', [`the log cannot be read (${codeOf(error)})`], { cause: error })
  }
}

function report(rows: readonly [string, Day][], sum: Day & { readonly unreadable: number }, wrong: ReadonlyMap<string, number>, missing: ReadonlySet<string>): string {
  const columns = ['judged', 'violations', 'refused', 'unconstrained', 'unknown'] as const
  const row = (name: string, values: readonly (number | string)[]) => `${name.padEnd(10)}${values.map((value) => String(value).padStart(15)).join('')}`
  const lines = [row('day', columns), ...rows.map(([day, counts]) => row(day, columns.map((column) => counts[column])))]
  if (rows.length !== 1) lines.push(row('all', columns.map((column) => sum[column])))
  for (const [fault, count] of wrong) lines.push(`violation: ${fault} (${count} decisions)`)
  if (missing.size > 0) lines.push(`not judged: ${sum.unknown} decisions by configurations with the digests ${[...missing].sort().join(', ')}; give each with --config`)
  if (sum.unreadable > 0) lines.push(`not judged: ${sum.unreadable} lines that are no records`)
  lines.push(`${sum.violations} violations in ${sum.judged} decisions under a policy`)
  return `${lines.join('\n')}\n`
}
