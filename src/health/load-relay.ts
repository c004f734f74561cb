/** Load reports between routers: a target tells one of them, and each relays in its own report what it was told itself. */
import type { RelayedLoad, SeenReport } from './exchange.ts'
import type { LoadReport } from './load.ts'

export class LoadRelay {
  readonly #own = new Map<string, RelayedLoad>()
  /** By router, its epoch and target: which of its reports was heard last. */
  #heard = new Map<string, number>()

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
    const heard = new Map<string, number>()
    for (const { report: { prober, epoch, loads } } of reports) {
      for (const [target, { report, nth }] of Object.entries(loads)) {
        const key = `${prober} ${epoch} ${target}`
        heard.set(key, nth)
        if (this.#heard.get(key) !== nth) take(target, report)
      }
    }
    this.#heard = heard
  }
}
