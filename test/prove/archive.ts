/**
 * The sealed archive of a running router: its own user cannot open it with anything that it can read, whatever is changed in
 * it is seen, and after a day's keys were destroyed nothing of that day opens, from a backup neither.
 */
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readCheckpoint, signCheckpoint } from '../../src/archive/chain.ts'
import { DAY_MS, dayOf, startOf } from '../../src/archive/day.ts'
import { files as disk } from '../../src/archive/files.ts'
import { shredDay } from '../../src/archive/identities.ts'
import { readPublicKey, readSigningKey } from '../../src/archive/keys.ts'
import { unseal } from '../../src/archive/seal.ts'
import { verifyArchive } from '../../src/archive/verify.ts'
import { filesUnder } from '../archive/archive.ts'
import { guessesFrom } from '../archive/guesses.ts'
import { expose } from './canaries.ts'
import { subject } from './process.ts'
import type { Archive } from './sealed.ts'

export interface SealedArchive {
  readonly segments: number
  /** Files that the router's user can read. */
  readonly files: number
  /** Keys that were made of them. */
  readonly keys: number
  /** Segments that opened with them. */
  readonly opened: number
  readonly tampered: readonly { readonly what: string, readonly found: boolean }[]
  readonly after: { readonly tried: number, readonly backups: number, readonly opened: number }
}

const SEGMENTS = 3
/** Keys that are tried at once. */
const BATCH = 1000

export async function sealedArchive(): Promise<SealedArchive> {
  const router = await subject()
  try {
    const { archive } = router
    const sealed = () => filesUnder(archive.segments).filter((path) => path.endsWith('.age'))
    // A reload of the keys closes what waits.
    for (let i = 1; i < SEGMENTS; i++) {
      await expose(router)
      router.signal('SIGHUP')
      await archive.sealed(i)
    }
    await expose(router)
    router.signal('SIGTERM')
    await router.ended
    const segments = sealed()
    const [first = ''] = segments
    const day = dirname(first).slice(-10)
    const officers = await archive.identities(day)
    if (segments.length < SEGMENTS || !await opens(first, officers)) throw new Error('the router archived nothing that its officers can open, so nothing was shown')

    const readable = filesUnder(router.folder)
    const { identities, words } = guessesFrom(readable)
    let opened = 0
    for (let i = 0; i < identities.length; i += BATCH) {
      const batch = identities.slice(i, i + BATCH)
      // With all of them and both officers it opens: they were read as keys.
      if (!await opens(first, [...batch, ...officers])) throw new Error('what was tried are no keys, so nothing was shown')
      if (await opens(first, batch)) opened++
      for (const officer of officers) if (await opens(first, [...batch, officer])) opened++
    }
    for (const word of words.slice(0, BATCH)) if (await opens(first, [word])) opened++

    const tampered = await tamper(archive, join(router.folder, 'config', 'signing.key'), segments, day)
    const backup = join(router.folder, 'backup')
    cpSync(archive.segments, backup, { recursive: true })
    await shredDay(archive.keys, day)
    const left = filesUnder(archive.keys).flatMap((path) => /AGE-SECRET-KEY-\S+/.exec(readFileSync(path, 'latin1'))?.[0] ?? [])
    const copies = filesUnder(backup).filter((path) => path.endsWith('.age'))
    let still = 0
    for (const path of [...segments, ...copies]) if (await opens(path, [...left, ...identities.slice(0, BATCH)])) still++
    return { segments: segments.length, files: readable.length, keys: identities.length, opened, tampered, after: { tried: segments.length + copies.length, backups: copies.length, opened: still } }
  } finally {
    router.remove()
  }
}

function opens(path: string, identities: readonly string[]): Promise<boolean> {
  return unseal(readFileSync(path), identities).then(() => true, () => false)
}

/** Each change alone, in the archive itself, which is put back afterwards. */
async function tamper(archive: Archive, signingKeyFile: string, segments: readonly string[], day: string): Promise<{ what: string, found: boolean }[]> {
  const [first = '', second = '', third = ''] = segments
  const publicKey = readPublicKey(archive.publicKey)
  const signingKey = readSigningKey(readFileSync(signingKeyFile, 'utf8'))
  const untouched = `${archive.segments}-untouched`
  cpSync(archive.segments, untouched, { recursive: true })
  const witness = readFileSync(checkpoint(third), 'utf8')
  const tomorrow = dayOf((startOf(day) ?? 0) + DAY_MS)
  const elsewhere = (path: string) => join(dirname(dirname(path)), tomorrow, path.slice(dirname(path).length + 1))
  const whole = async () => (await verifyArchive({ directory: archive.segments, keys: new Map([[archive.router, publicKey]]), witnesses: new Map([[archive.router, [witness]]]), keptFrom: day, io: disk })).get(archive.router)?.problems.length === 0
  if (!await whole()) throw new Error('the archive is not whole before anything was changed, so nothing was shown')

  const changes: Readonly<Record<string, () => unknown>> = {
    'a bit of a segment flipped': () => flip(first),
    'a bit of a checkpoint flipped': () => flip(checkpoint(first)),
    'a segment cut': () => writeFileSync(first, readFileSync(first).subarray(0, -1)),
    'a segment removed': () => rmSync(second),
    'a segment removed with its checkpoint': () => [second, checkpoint(second)].forEach((path) => rmSync(path)),
    'the newest removed with its checkpoint': () => [third, checkpoint(third)].forEach((path) => rmSync(path)),
    'two segments swapped': () => swap(first, second),
    'two segments swapped with their checkpoints': () => [swap(first, second), swap(checkpoint(first), checkpoint(second))],
    'an old segment replayed as the newest': () => [first, checkpoint(first)].forEach((path) => cpSync(path, path.replace(/\d{15}/, '999999999999999'))),
    'a segment put under another day': () => [third, checkpoint(third)].forEach((path) => {
      mkdirSync(dirname(elsewhere(path)), { recursive: true })
      renameSync(path, elsewhere(path))
    }),
    'a checkpoint signed again for another day': () => resign(third, { epoch: tomorrow }),
    'a checkpoint signed by another router': () => resign(third, { router: 'another' }),
  }
  const results: { what: string, found: boolean }[] = []
  for (const [what, change] of Object.entries(changes)) {
    change()
    results.push({ what, found: !await whole() })
    rmSync(archive.segments, { recursive: true })
    cpSync(untouched, archive.segments, { recursive: true })
  }
  // Whoever has the router's own signing key can sign what they like, and still not have a day's segment opened as another's.
  const others = await archive.identities(tomorrow)
  results.push({ what: 'a segment opened with the keys of another day', found: others.length === 2 && !await opens(first, others) })
  rmSync(untouched, { recursive: true })
  return results

  function resign(path: string, change: { readonly epoch?: string, readonly router?: string }): void {
    const signed = readCheckpoint(readFileSync(checkpoint(path), 'utf8'), publicKey)
    if (signed !== undefined) writeFileSync(checkpoint(path), signCheckpoint({ ...signed, ...change }, signingKey))
  }
}

function checkpoint(segment: string): string {
  return segment.replace(/age$/, 'checkpoint')
}

function flip(path: string): void {
  const bytes = readFileSync(path)
  const at = Math.floor(Math.random() * bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
  writeFileSync(path, bytes)
}

function swap(one: string, other: string): void {
  renameSync(one, `${one}.aside`)
  renameSync(other, one)
  renameSync(`${one}.aside`, other)
}
