/** `wissel routers`: which router runs which version, and why one refused. */
import type { RedisSettings } from '../state/redis-settings.ts'
import { readRouters } from '../state/router-report.ts'
import type { SeenRouter } from '../state/router-report.ts'
import { formatPosition } from '../state/store.ts'
import { tellForgotten } from './forgotten.ts'
import { label, withState } from './with-state.ts'
import type { CommandIO } from './with-state.ts'

export interface RoutersArgs {
  readonly redis: RedisSettings
  readonly json?: boolean | undefined
}

/** The exit status: 0 every router runs what it should as far as it says, 2 one refused something or has a service in quarantine. */
export function routers({ redis, json = false }: RoutersArgs, io: CommandIO): Promise<number> {
  return withState(redis, io, async ({ store, link, keys }) => {
    const seen = await readRouters(link, keys, { ages: true })
    if (json) io.out(`${JSON.stringify({ routers: seen.map(plain) }, null, 2)}\n`)
    else {
      // Garbage where the head or the pin should be is worth no less a list of routers.
      const [head, pin] = await Promise.all([store.head().catch(() => undefined), store.pin().catch(() => undefined)])
      io.out(`published ${head === undefined ? 'nothing that can be read' : label(head)}${pin === undefined ? '' : `, frozen at ${label(pin)}`}\n`)
      io.out(table([['router', 'applied', 'refused', 'in quarantine', 'seen'], ...seen.map(row)]))
      io.err(tellForgotten(seen.map(({ report }) => report)))
    }
    return seen.some(({ report: { refused, quarantined } }) => refused !== null || quarantined.length > 0) ? 2 : 0
  })
}

function plain({ report: { router, started, applied, refused, quarantined, forgotten = [] }, ageMs }: SeenRouter): unknown {
  return { router, started, applied, refused, quarantined, forgotten, ageMs: ageMs ?? null }
}

function row({ report: { router, applied, refused, quarantined }, ageMs = 0 }: SeenRouter): string[] {
  return [
    router,
    applied === null ? 'nothing' : label(applied),
    refused === null ? '' : `${formatPosition(refused)}: ${refused.reason}`,
    quarantined.join(', '),
    `${(ageMs / 1000).toFixed(1)} s ago`,
  ]
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows.map((cells) => `${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()}\n`).join('')
}
