/** Load reports between routers: a target tells one of them, and each relays in its own report what it was told itself. */
import type { RelayedLoad, SeenReport } from './exchange.ts'
import type { LoadReport } from './load.ts'

/** Routers that are known at most: more than a deployment has. */
const MAX_ROUTERS = 1000

export class LoadRelay {
  readonly #own = new Map<string, RelayedLoad>()
  /** By router: which of its reports on a target was heard last in its epoch. Known also while nothing is heard of it. */
  readonly #heard = new Map<string, { readonly epoch: string, readonly nths: Map<string, number> }>()

  /** This router was told. */
  took(target: string, report: LoadReport): void {
    this.#own.set(target, { report, nth: (this.#own.get(target)?.nth ?? 0) + 1 })
  }

  keep(isCounted: (target: string) => boolean): void {
    for (const target of this.#own.keys()) if (!isCounted(target)) this.#own.delete(target)
  }

  told(): Readonly<Record<string, RelayedLoad>> {
    return Object.fromEntries(this.#own)
  }

  /** @param take is given what is new */
  heard(reports: readonly SeenReport[], take: (target: string, load: LoadReport) => void): void {
    for (const { report: { prober, epoch, loads } } of reports) {
      const known = this.#heard.get(prober)
      const { nths } = known?.epoch === epoch ? known : { nths: new Map<string, number>() }
      this.#heard.delete(prober)
      this.#heard.set(prober, { epoch, nths })
      for (const target of nths.keys()) if (!Object.hasOwn(loads, target)) nths.delete(target)
      for (const [target, { report, nth }] of Object.entries(loads)) {
        if (nths.get(target) === nth) continue
        nths.set(target, nth)
        take(target, report)
      }
    }
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > MAX_ROUTERS && oldest !== undefined) this.#heard.delete(oldest)
  }
}
