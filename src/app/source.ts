/** Where a router's state comes from: a directory of its own, or a deployment's Redis. What the rest of the app needs of either. */
import type { OverrideStore } from '../health/overrides.ts'
import type { HealthExchange } from '../health/exchange.ts'
import type { Built } from '../policy/build.ts'
import { buildInSteps } from '../policy/build.ts'
import type { Bundle } from '../policy/bundle.ts'
import type { DocumentMemory } from '../policy/document.ts'
import { countryPlace } from '../geo/countries.ts'
import { drawKey } from '../privacy/draw.ts'
import type { DrawKey } from '../privacy/draw.ts'
import type { Version } from '../routing/model.ts'
import type { Head } from '../state/store.ts'
import { dayOf } from '../state/shared-draw-key.ts'
import type { SharedDrawKey } from '../state/shared-draw-key.ts'

export interface Source {
  readonly head: Head | undefined
  /** Services that run on an older version of their own. */
  readonly quarantined: readonly string[]
  /** Applies what there is and follows what comes. Rejects where nothing can come of it. */
  start(): Promise<void>
  /** The router fails with what it runs: what ran before is applied again. False where nothing did. */
  takeBack(): boolean
  /** Looks now. Whether what runs is what there is. */
  look(): Promise<boolean>
  /** The key of the day's draws. */
  drawKey(): DrawKey
  /** Where probers tell one another what they see; absent where there is one. */
  readonly exchange: HealthExchange | undefined
  readonly overrides: OverrideStore
  /** Where geo databases arrive; absent where only the settings name one. */
  readonly geo: { readonly database: string; readonly asnDatabase: string } | undefined
  /** Whether the shared store answers; absent where there is none. */
  readonly link: { readonly up: boolean; readonly since: number } | undefined
  close(): Promise<void>
}

/** Milliseconds that a build may keep requests waiting, but for a single large document. */
const SLICE_MS = 3

/** Builds in between requests. */
export async function buildInSlices(bundle: Bundle, version: Version, now: number, memory: DocumentMemory): Promise<Built> {
  const steps = buildInSteps(bundle, { version, now, memory, continentOf: (country) => countryPlace(country)?.continent })
  let until = performance.now() + SLICE_MS
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() < until) continue
    await new Promise((resolve) => setImmediate(resolve))
    until = performance.now() + SLICE_MS
  }
}

/** The words of the day's key, made once per key. */
export function dailyDrawKey(shared: SharedDrawKey, now: () => number): () => DrawKey {
  let bytes: Uint8Array | undefined
  let words = new Uint32Array(4)
  return () => {
    const current = shared.key(dayOf(now()))
    if (current !== bytes) {
      bytes = current
      words = Uint32Array.from(drawKey(() => current))
    }
    return words
  }
}
