import fc from 'fast-check'
import t from 'tap'
import { createHash } from 'node:crypto'
import { GENESIS, linkOf, readCheckpoint, signCheckpoint } from '../../src/archive/chain.ts'
import type { Checkpoint } from '../../src/archive/chain.ts'
import { nameOf, verifyChain } from '../../src/archive/verify-chain.ts'
import type { ChainEntry, ChainFault } from '../../src/archive/verify-chain.ts'
import { signingPair } from './archive.ts'

const { signingKey, publicKey } = signingPair()
const options = { router: 'ams-1', publicKey, keptFrom: '2026-02-01' }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Three days with four segments each. */
function intact(change: (checkpoint: Checkpoint, position: number) => Checkpoint = (checkpoint) => checkpoint): ChainEntry[] {
  let prev = GENESIS
  return Array.from({ length: 12 }, (_, position) => {
    const epoch = `2026-03-0${1 + Math.floor(position / 4)}`
    const segment = sha256(`segment ${position}`)
    const checkpoint = change({ router: 'ams-1', epoch, seq: 1000 + position, prev, segment, n: 10 + position, from: `${epoch}T20:31Z`, to: `${epoch}T20:32Z` }, position)
    prev = linkOf(checkpoint)
    return { day: epoch, name: nameOf(1000 + position), checkpoint: signCheckpoint(checkpoint, signingKey), sha256: segment }
  })
}

function faults(entries: readonly ChainEntry[], more: { witness?: string, witnesses?: readonly string[], keptFrom?: string } = {}): ChainFault[] {
  return [...new Set(verifyChain(entries, { ...options, ...(more.witness === undefined ? {} : { witnesses: [more.witness] }), ...more }).problems.map(({ fault }) => fault))].sort()
}

function at(entries: readonly ChainEntry[], position: number): ChainEntry {
  const entry = entries[position]
  if (entry === undefined) throw new RangeError('no such segment')
  return entry
}

t.test('an archive that nobody touched has no problems, in whatever order its files are read', async (t) => {
  const report = verifyChain(intact(), options)
  t.same(report.problems, [])
  t.equal(report.segments, 12)
  t.equal(report.records, 12 * 10 + 66)
  t.equal(report.head?.seq, 1011)
  fc.assert(fc.property(fc.shuffledSubarray(intact(), { minLength: 12 }), (entries) => faults(entries).length === 0))
})

t.test('every way to change an archive is seen and named', async (t) => {
  const one = intact()
  const witness = at(one, 11).checkpoint ?? ''
  const other = signingPair().signingKey
  const resigned = one.map((entry, i) => (i === 5 ? { ...entry, checkpoint: (entry.checkpoint ?? '').replace(/signature .*/s, signCheckpoint(readCheckpoint(entry.checkpoint ?? '', publicKey) as Checkpoint, other).slice((entry.checkpoint ?? '').indexOf('signature '))) } : entry))
  const changed = (position: number, change: Partial<ChainEntry>) => one.map((entry, i) => (i === position ? { ...entry, ...change } : entry))
  const cases: readonly (readonly [string, readonly ChainEntry[], readonly ChainFault[], string?])[] = [
    ['a segment with a bit flipped', changed(5, { sha256: sha256('other') }), ['altered']],
    ['a segment that is gone', changed(5, { sha256: undefined }), ['missing']],
    ['a segment without its checkpoint', changed(5, { checkpoint: undefined }), ['gap', 'unsigned']],
    ['a segment and its checkpoint gone', one.toSpliced(5, 1), ['gap']],
    ['a whole day gone', one.toSpliced(4, 4), ['gap']],
    ['the first ones gone', one.slice(2), ['gap']],
    ['two segments swapped', one.map((entry, i) => (i === 5 ? { ...entry, sha256: at(one, 6).sha256 } : i === 6 ? { ...entry, sha256: at(one, 5).sha256 } : entry)), ['altered']],
    ['two names swapped', one.map((entry, i) => (i === 5 ? { ...at(one, 6), name: entry.name } : i === 6 ? { ...at(one, 5), name: entry.name } : entry)), ['place']],
    ['two days swapped', one.map((entry, i) => (i === 3 ? { ...at(one, 4), day: entry.day, name: entry.name } : i === 4 ? { ...at(one, 3), day: entry.day, name: entry.name } : entry)), ['epoch', 'place']],
    ['a segment moved to another day', changed(5, { day: '2026-03-03' }), ['epoch']],
    ['an old segment put under a new number', [...one, { ...at(one, 2), day: '2026-03-03', name: nameOf(1012) }], ['epoch', 'place', 'replay']],
    ['an old segment under its own number in another day', [...one, { ...at(one, 2), day: '2026-03-02' }], ['epoch', 'replay']],
    ['an old segment and checkpoint instead of a new one', changed(7, { checkpoint: at(one, 6).checkpoint, sha256: at(one, 6).sha256 }), ['gap', 'place', 'replay']],
    ['a checkpoint that another key signed', resigned, ['gap', 'signature']],
    ['a checkpoint of another router', intact((checkpoint, i) => (i === 5 ? { ...checkpoint, router: 'fra-1' } : checkpoint)), ['gap', 'router']],
    ['a checkpoint whose epoch is another day', intact((checkpoint, i) => (i === 5 ? { ...checkpoint, epoch: '2026-03-01' } : checkpoint)), ['epoch']],
    ['records of another day than their epoch', intact((checkpoint, i) => (i === 5 ? { ...checkpoint, from: '2026-03-01T23:59Z' } : checkpoint)), ['epoch']],
    ['an epoch that goes back', intact((checkpoint, i) => (i === 11 ? { ...checkpoint, epoch: '2026-03-01', from: '2026-03-01T20:31Z', to: '2026-03-01T20:31Z' } : checkpoint)).with(11, { ...at(intact((checkpoint, i) => (i === 11 ? { ...checkpoint, epoch: '2026-03-01', from: '2026-03-01T20:31Z', to: '2026-03-01T20:31Z' } : checkpoint)), 11), day: '2026-03-01' }), ['epoch']],
    ['the end of another chain with the same numbers', [...one.slice(0, 6), ...intact((checkpoint, i) => (i === 0 ? { ...checkpoint, n: 1 } : checkpoint)).slice(6)], ['gap']],
    ['a number left out', intact((checkpoint, i) => (i > 5 ? { ...checkpoint, seq: checkpoint.seq + 1 } : checkpoint)).map((entry, i) => (i > 5 ? { ...entry, name: nameOf(1001 + i) } : entry)), ['gap']],
    ['the newest gone, with a witness', one.slice(0, 9), ['truncated'], witness],
    ['everything gone, with a witness', [], ['truncated'], witness],
    ['the end written anew, with a witness', intact((checkpoint, i) => (i === 11 ? { ...checkpoint, n: 1 } : checkpoint)), ['fork'], witness],
    ['a witness that is none', one, ['witness'], 'wissel-archive-checkpoint/1\n'],
  ]
  for (const [what, entries, expected, kept] of cases) t.same(faults(entries, kept === undefined ? {} : { witness: kept }), expected, what)
})

t.test('without a witness nobody can see that the newest are gone, which is why one is kept', async (t) => {
  t.same(faults(intact().slice(0, 9)), [])
  t.same(faults(intact(), { witness: at(intact(), 6).checkpoint ?? '' }), [], 'a witness of the middle is still in the chain')
})

t.test('a router that lost its place has two chains, and it takes a witness of each to see that one is gone', async (t) => {
  const before = intact().slice(0, 6)
  const segments = Array.from({ length: 3 }, (_, i) => sha256(`later ${i}`))
  const later = segments.map((sha256, i) => ({ day: '2026-03-03', name: nameOf(2000 + i), sha256, checkpoint: chained(segments, i) }))
  const [old = '', recent = ''] = [at(before, 5).checkpoint, at(later, 2).checkpoint]
  t.same(faults([...before, ...later], { witnesses: [old, recent] }), ['gap'], 'the loss itself stays to be seen')
  t.same(faults(later), [], 'nothing tells from inside that there was another')
  t.same(faults(later, { witnesses: [recent] }), [])
  for (const witnesses of [[old, recent], [recent, old], [old]]) t.same(faults(later, { witnesses }), ['beheaded'])
  for (const witnesses of [[old, recent], [recent, old]]) t.same(faults(before, { witnesses }), ['truncated'])
})

/** The checkpoint of one of a later chain's segments. */
function chained(segments: readonly string[], position: number): string {
  let prev = GENESIS
  let signed = ''
  for (const [i, segment] of segments.slice(0, position + 1).entries()) {
    const checkpoint = { router: 'ams-1', epoch: '2026-03-03', seq: 2000 + i, prev, segment, n: 1, from: '2026-03-03T20:31Z', to: '2026-03-03T20:31Z' }
    signed = signCheckpoint(checkpoint, signingKey)
    prev = linkOf(checkpoint)
  }
  return signed
}

t.test('a segment may be gone when its retention is over, and the chain is still whole', async (t) => {
  const entries = intact().map((entry) => (entry.day < '2026-03-02' ? { ...entry, sha256: undefined } : entry))
  const report = verifyChain(entries, { ...options, keptFrom: '2026-03-02' })
  t.same(report.problems, [])
  t.equal(report.expired, 4)
  t.equal(report.segments, 8)
})

t.test('a checkpoint with any one character changed is not the router\'s', async (t) => {
  const signed = at(intact(), 0).checkpoint ?? ''
  let accepted = 0
  for (let i = 0; i < signed.length; i++) {
    if (readCheckpoint(signed.slice(0, i) + (signed[i] === '1' ? '2' : '1') + signed.slice(i + 1), publicKey) !== undefined) accepted++
  }
  t.equal(accepted, 0)
  for (let bit = 0; bit < signed.length * 7; bit++) {
    const bytes = Buffer.from(signed)
    bytes[Math.floor(bit / 7)] = (bytes[Math.floor(bit / 7)] ?? 0) ^ (1 << bit % 7)
    if (readCheckpoint(bytes.toString('latin1'), publicKey) !== undefined) accepted++
  }
  t.equal(accepted, 0, 'every bit counts')
  t.equal(readCheckpoint(signed.slice(0, -1), publicKey), undefined)
  t.equal(readCheckpoint(`${signed}\n`, publicKey), undefined)
})

t.test('any archive with something removed, moved or exchanged has a problem', async () => {
  const entries = intact()
  const witness = at(entries, 11).checkpoint ?? ''
  const position = fc.nat(11)
  const tamper = fc.oneof(
    fc.record({ kind: fc.constant('remove' as const), a: position, b: position }),
    fc.record({ kind: fc.constant('exchange' as const), a: position, b: position }),
    fc.record({ kind: fc.constant('copy' as const), a: position, b: position }),
  )
  fc.assert(fc.property(fc.array(tamper, { minLength: 1, maxLength: 4 }), (tampers) => {
    let result = [...entries]
    for (const { kind, a, b } of tampers) {
      const [from, to] = [result[a], result[b]]
      if (from === undefined || to === undefined) continue
      if (kind === 'remove') result = result.toSpliced(a, 1)
      else if (kind === 'copy') result = result.with(b, { ...from, day: to.day, name: to.name })
      else result = result.with(a, { ...to, day: from.day, name: from.name }).with(b, { ...from, day: to.day, name: to.name })
    }
    const same = result.length === entries.length && result.every((entry, i) => entry.checkpoint === entries[i]?.checkpoint)
    if ((faults(result, { witness }).length === 0) !== same) throw new Error('not seen')
  }), { numRuns: 300 })
})
