/** Whose server an address is. What a service writes by hand must not borrow the jurisdiction of another target. */
import type { Base, Target } from '../routing/model.ts'
import { baseOf } from './address.ts'
import type { Address } from './address.ts'

export class Owners {
  readonly #named = new Map<string, Target[]>()
  /** By what stands after the `*`. */
  readonly #domains = new Map<string, Target[]>()
  readonly #addresses: ReadonlyMap<Target, Address>

  /** @param addresses where each target itself is reached */
  constructor(addresses: ReadonlyMap<Target, Address>) {
    this.#addresses = addresses
    for (const target of addresses.keys()) {
      for (const host of new Set(target.hosts)) {
        const [owners, name] = host.startsWith('*.') ? [this.#domains, host.slice(1)] as const : [this.#named, host] as const
        const known = owners.get(name)
        if (known === undefined) owners.set(name, [target])
        else known.push(target)
      }
    }
  }

  /** The targets that name a host, else those of the smallest domain with `*.` that it is part of; in the order of the files. */
  of(host: string): readonly Target[] {
    const named = this.#named.get(host)
    if (named !== undefined) return named
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const owners = this.#domains.get(host.slice(dot))
      if (owners !== undefined) return owners
    }
    return []
  }

  /** Those of its host; where some of them are reached at this very port, only they. */
  at(address: Address): readonly Target[] {
    const owners = this.of(address.host)
    const here = baseOf({ ...address, prefix: '' })
    const exact = owners.filter((target) => meet(baseOf({ ...this.#addresses.get(target) ?? { host: '' }, prefix: '' }), here))
    return exact.length > 0 ? exact : owners
  }
}

/** Whether there is a scheme in which both are one address. */
function meet(a: Base, b: Base): boolean {
  return (a.http !== undefined && a.http === b.http) || (a.https !== undefined && a.https === b.https)
}
