/** `wissel check DIR`: every problem of a configuration at once, before a router sees it; and the schemas for editors. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Problem } from '../policy/problem.ts'
import { errors, formatProblem } from '../policy/problem.ts'
import { jsonSchema, SCHEMAS } from '../policy/schema.ts'
import { settingsSchema } from '../policy/settings.ts'
import { loadConfiguration } from './configuration.ts'
import { checkLive, formatFindings } from './live.ts'
import type { LiveOptions } from './live.ts'

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
