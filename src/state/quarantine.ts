/**
 * Builds a bundle although some service's file is wrong: that file stays as it last worked, or is left out where it never
 * did, and everything else is as published. Only files under `services/` can be held back; fleet, zones and policies
 * belong to everybody.
 */
import type { Bundle, BundleFile } from '../policy/bundle.ts'
import { bundleOf } from '../policy/bundle.ts'
import type { Built } from '../policy/build.ts'
import { readDocuments } from '../policy/document.ts'
import { errors } from '../policy/problem.ts'

export interface Isolated {
  readonly built: Built
  /** What was built. */
  readonly bundle: Bundle
  /** Ids of the services in the files that were held back. */
  readonly quarantined: readonly string[]
}

type Build = (bundle: Bundle) => Promise<Built>

/** Builds in search of the files to hold back; beyond it, every changed service file is held back. */
const MAX_BUILDS = 24

/**
 * Problems name their files, which nearly always are the ones to hold back. Where two services contradict each other the
 * named one may be the innocent: then the changed files are tried in halves.
 * @param before the bundle that runs
 */
export async function buildIsolated(bundle: Bundle, before: Bundle | undefined, build: Build): Promise<Isolated> {
  const attempt = (candidate: Bundle) => build(candidate).catch((error: unknown) => failed(error))
  const whole = await attempt(bundle)
  if (whole.snapshot !== undefined) return { built: whole, bundle, quarantined: [] }
  const refused: Isolated = { built: whole, bundle, quarantined: [] }
  if (before === undefined && !bundle.files.some(({ path }) => isService(path))) return refused

  const last = new Map((before?.files ?? []).filter(({ path }) => isService(path)).map((file) => [file.path, file.text]))
  const changed = bundle.files.filter(({ path, text }) => isService(path) && last.get(path) !== text).map(({ path }) => path)
  if (changed.length === 0) return refused
  const named = new Set(errors(whole.problems).map(({ file }) => file))
  const held = new Set(changed.filter((path) => named.has(path)))
  if (held.size > 0) {
    const built = await attempt(without(bundle, held, last))
    if (built.snapshot !== undefined) return isolated(built, whole, bundle, held, last)
  }

  let builds = 0
  const trial = async (keep: ReadonlySet<string>): Promise<Built> => {
    builds++
    return attempt(without(bundle, new Set(changed.filter((path) => !keep.has(path))), last))
  }
  let best = await trial(new Set())
  // Not even without any of the changes: the fault is in what belongs to everybody.
  if (best.snapshot === undefined) return refused
  const kept = new Set<string>()
  const accept = async (paths: readonly string[]): Promise<void> => {
    if (paths.length === 0 || builds >= MAX_BUILDS) return
    const built = await trial(new Set([...kept, ...paths]))
    if (built.snapshot !== undefined) {
      for (const path of paths) kept.add(path)
      best = built
    } else if (paths.length > 1) {
      const half = Math.ceil(paths.length / 2)
      await accept(paths.slice(0, half))
      await accept(paths.slice(half))
    }
  }
  await accept(changed)
  return isolated(best, whole, bundle, new Set(changed.filter((path) => !kept.has(path))), last)
}

function isolated(built: Built, whole: Built, bundle: Bundle, held: ReadonlySet<string>, last: ReadonlyMap<string, string>): Isolated {
  const effective = without(bundle, held, last)
  const ids = bundle.files.filter(({ path }) => held.has(path)).flatMap((file) => serviceIds(file, last.get(file.path)))
  // The problems are those of what was published: an operator mends that.
  return { built: { snapshot: built.snapshot, problems: whole.problems }, bundle: effective, quarantined: [...new Set(ids)].sort() }
}


function without(bundle: Bundle, held: ReadonlySet<string>, last: ReadonlyMap<string, string>): Bundle {
  return bundleOf(bundle.files.flatMap((file) => {
    if (!held.has(file.path)) return [file]
    const text = last.get(file.path)
    return text === undefined ? [] : [{ path: file.path, text }]
  }))
}

function isService(path: string): boolean {
  return path.startsWith('services/')
}

/** By the text that last worked, else by the broken one, else by the file's name. */
function serviceIds({ path, text }: BundleFile, last: string | undefined): string[] {
  for (const candidate of [last, text]) {
    if (candidate === undefined) continue
    const ids = readDocuments(path, candidate).documents.flatMap(({ value }) => (isNamed(value) ? [value.service] : []))
    if (ids.length > 0) return ids
  }
  return [path.replace(/^services\//, '').replace(/\.ya?ml$/, '')]
}

function isNamed(value: unknown): value is { readonly service: string } {
  return typeof value === 'object' && value !== null && 'service' in value && typeof value.service === 'string'
}

function failed(error: unknown): Built {
  const name = error instanceof Error ? error.name : 'unknown error'
  return { snapshot: undefined, problems: [{ file: 'services', line: 1, path: '', message: `cannot be built (${name})`, severity: 'error' }] }
}
