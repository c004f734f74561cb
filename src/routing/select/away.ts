/** The members that turned a viewer away, each counted once. A few are looked through: a `Set` that grows costs more than that. */
import type { Member } from '../model.ts'

const FEW = 32

export class Away {
  readonly #few: Member[] = []
  #all: Set<Member> | undefined

  get size(): number {
    return this.#all?.size ?? this.#few.length
  }

  add(member: Member): void {
    if (this.#all !== undefined) this.#all.add(member)
    else if (!this.#few.includes(member) && this.#few.push(member) > FEW) this.#all = new Set(this.#few)
  }
}
