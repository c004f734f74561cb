/** Numbers of several rounds, and how they are told. */

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Of at least one number. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (position: number) => sorted[position] ?? Number.NaN
  const middle = sorted.length >> 1
  return { median: sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2, least: at(0), most: at(sorted.length - 1) }
}

/** `412 (398–455)`. */
export function tell({ median, least, most }: Spread, digits = 0): string {
  const text = (value: number) => value.toFixed(digits)
  return text(least) === text(most) ? text(median) : `${text(median)} (${text(least)}–${text(most)})`
}

/** A table in Markdown; the first column is text, the others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map((_, i) => (i === 0 ? '---' : '--:'))) + rows.map(line).join('')
}

export interface Measurable {
  readonly name: string
  /** Does the work for the i-th of many inputs. What it returns is used, so that none of it can be left out. */
  readonly run: (i: number) => unknown
  /** Looks at the i-th input just before, uncounted: a server that works on it has just made it, so it is in the caches. */
  readonly look?: (i: number) => unknown
}

/** Inputs that are looked at before they are worked on. */
const LOOKED_AT = 256
/** Calls before anything is measured: all inputs of most works. */
const FIRST = 10_000
/** Rounds that are not counted: code that many works share is compiled anew while some of them are new to it. */
const WARM_ROUNDS = 4

/** What work gives is kept here, where the compiler cannot know that nobody looks at it. */
const kept: { last: unknown } = { last: undefined }

/**
 * Processor time per call in nanoseconds, each round over all in turn, so that a disturbance hits all alike.
 * Processor time counts garbage collection in other threads, and not the time for which other programs ran.
 *
 * @param batchMs processor time of one batch, roughly
 * @param until when no further round is begun, on the clock of `performance.now()`; there is always one
 */
export function time(works: readonly Measurable[], { rounds, batchMs, until }: { rounds: number, batchMs: number, until: number }): Map<string, Spread> {
  const sizes = works.map((work) => {
    // What is done once, and done first, would make the batch too short for what comes after.
    once(work, FIRST)
    let size = 1000
    while (once(work, size) * size < batchMs * 1e6) size *= 2
    return size
  })
  const found = works.map((): number[] => [])
  for (let round = -WARM_ROUNDS; round <= 0 || (round < rounds && performance.now() < until); round++) {
    for (const [position, work] of works.entries()) {
      const ns = once(work, sizes[position] ?? 1)
      if (round >= 0) found[position]?.push(ns)
    }
  }
  return new Map(works.map(({ name }, position) => [name, spread(found[position] ?? [])]))
}

function once({ run, look }: Measurable, calls: number): number {
  let spent = 0
  for (let from = 0; from < calls; ) {
    const to = look === undefined ? calls : Math.min(calls, from + LOOKED_AT)
    for (let i = from; look !== undefined && i < to; i++) kept.last = look(i)
    const before = process.cpuUsage()
    for (; from < to; from++) kept.last = run(from)
    const { user, system } = process.cpuUsage(before)
    spent += user + system
  }
  return (spent * 1000) / calls
}
