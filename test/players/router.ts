/**
 * The router under test, and the two things that happen to it: an operator's drain, and a target that health checks find
 * dead. Two services over the same targets differ in delivery alone: `/redirect` and `/steered`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from '../../src/cli/configuration.ts'
import { errors, formatProblem } from '../../src/policy/problem.ts'
import { bundleOf } from '../../src/policy/bundle.ts'
import { replaceFile, start } from '../e2e/running.ts'
import { smallRouter } from '../steering/small-router.ts'

export const DELIVERIES = ['redirect', 'steered'] as const
export type Delivery = (typeof DELIVERIES)[number]
/** Seconds. */
export const TTL = 6

/** By target id. `cdn-x` is the one that the policy excludes. */
export type Addresses = Readonly<Record<'cdn-a' | 'cdn-b' | 'cdn-x', { readonly host: string; readonly port: number }>>

export interface RouterUnderTest {
  readonly url: string
  /** The operator's command; resolves when the next decision follows it. */
  drain(id: keyof Addresses): Promise<void>
  /** What health checks would find. */
  down(id: keyof Addresses): Promise<void>
  stop(): Promise<void>
}

function targets(addresses: Addresses, states: Partial<Record<keyof Addresses, string>>): string {
  const seat = (country: string, foreign: string) => `{ operator: { country: ${country} }, parent: { country: ${country} }, server: { countries: [NL] }, logs: { mode: none }, foreign: [${foreign}] }`
  const target = (id: keyof Addresses) => `  - { id: ${id}, kind: cdn, host: ${addresses[id].host}, port: ${addresses[id].port}, adminState: ${states[id] ?? 'auto'}, jurisdiction: ${id === 'cdn-x' ? seat('US', 'US-CLOUD-ACT') : seat('NL', '')} }\n`
  return `targets:\n${target('cdn-x')}${target('cdn-a')}${target('cdn-b')}`
}

const POLICY = 'policy: eu-only\noperator: [eu-members]\nparent: [eu-members]\nserver: [eu-members]\nlogs: [eu-members]\nforeign: []\nevidence: false\n'

function service(id: Delivery, wired: boolean): string {
  const delivery = wired ? `delivery: ${id}\nsteering: { ttl: ${TTL} }\n` : ''
  return `service: ${id}\nprefix: /${id}\njurisdiction: eu-only\n${delivery}steps:\n  - { name: all, targets: [cdn-x, cdn-a, cdn-b], select: failover }\n`
}

function files(addresses: Addresses, states: Partial<Record<keyof Addresses, string>>, wired: boolean): { path: string; text: string }[] {
  return [
    { path: 'targets/all.yaml', text: targets(addresses, states) },
    { path: 'policies/eu-only.yaml', text: POLICY },
    ...DELIVERIES.map((id) => ({ path: `services/${id}.yaml`, text: service(id, wired) })),
  ]
}

/** The shipped router in a process of its own; commands are edits of its files. */
export async function processRouter(addresses: Addresses): Promise<RouterUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-players-'))
  const states: Partial<Record<keyof Addresses, string>> = {}
  const write = () => {
    for (const { path, text } of files(addresses, states, true)) {
      mkdirSync(join(directory, dirname(path)), { recursive: true })
      replaceFile(join(directory, path), text)
    }
  }
  write()
  writeFileSync(join(directory, 'wissel.yaml'), 'reloadSeconds: 1\nlog: { sinks: [] }\n')
  const router = await start(directory, [])
  let applied = 1
  const set = async (id: keyof Addresses, state: string) => {
    states[id] = state
    write()
    applied++
    await router.said(new RegExp(`(?:snapshot_applied[^]*){${applied}}`))
  }
  return {
    url: router.public,
    drain: (id) => set(id, 'drain'),
    down: (id) => set(id, 'drain'),
    stop: async () => {
      await router.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The same parts in this process, for trying things out. */
export async function localRouter(addresses: Addresses): Promise<RouterUnderTest> {
  const { snapshot, problems } = build(bundleOf(files(addresses, {}, false)), { epoch: 1, number: 1, digest: '0'.repeat(64) }, Date.now())
  if (snapshot === undefined) throw new Error(errors(problems).map(formatProblem).join('\n'))
  const router = smallRouter({ snapshot, steered: new Set(['steered']), steering: { ttl: () => TTL }, now: () => Date.now() })
  const target = (id: string) => snapshot.targets.find((candidate) => candidate.id === id)
  const url = await router.listen()
  const set = async (id: string, change: (at: NonNullable<ReturnType<typeof target>>) => void) => {
    const found = target(id)
    if (found !== undefined) change(found)
  }
  return {
    url,
    drain: (id) => set(id, (at) => router.health.setAdmin(at, 'drain')),
    down: (id) => set(id, (at) => router.health.setState(at, 'down')),
    stop: () => router.close(),
  }
}
