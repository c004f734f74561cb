import t from 'tap'
import { randomBytes } from 'node:crypto'
import { makeIdentity, recipientOf, seal, unseal } from '../../src/archive/seal.ts'
import { WorkerSealer } from '../../src/archive/sealer.ts'

const setTimer = (run: () => void, ms: number) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
const alice = await makeIdentity()
const bob = await makeIdentity()
const recipients = [await recipientOf(alice), await recipientOf(bob)] as const

t.test('a segment opens with both identities, in any order, and with nothing less', async (t) => {
  const plaintext = randomBytes(100_000)
  const sealed = await seal(plaintext, recipients)
  for (const both of [[alice, bob], [bob, alice], [await makeIdentity(), alice, bob]]) t.ok(plaintext.equals(await unseal(sealed, both)))
  for (const less of [[], [alice], [bob], [alice, alice], [bob, bob], [alice, await makeIdentity()], [bob, await makeIdentity()], ['AGE-SECRET-KEY-1'], ['hello', bob]]) {
    await t.rejects(unseal(sealed, less), { name: 'ArchiveError', message: 'the segment does not open with these identities' })
  }
})

t.test('one officer alone does not get the other\'s layer, whichever is outside', async (t) => {
  const sealed = await seal(Buffer.from('canary'), recipients)
  t.notOk(sealed.includes(Buffer.from('canary')[0] ?? 0) && Buffer.from(sealed).includes('canary'))
  await t.rejects(seal(Buffer.from('canary'), [recipients[0], recipients[0]]), { name: 'ArchiveError' })
})

t.test('a segment with a bit flipped anywhere, or cut anywhere, does not open', async (t) => {
  const sealed = await seal(Buffer.alloc(2000, 'canary'), recipients)
  for (let i = 0; i < 40; i++) {
    const flipped = Buffer.from(sealed)
    const position = randomBytes(4).readUInt32LE() % sealed.length
    flipped[position] = (flipped[position] ?? 0) ^ (1 << (i % 8))
    await t.rejects(unseal(flipped, [alice, bob]), { message: 'the segment does not open with these identities' }, `bit ${i % 8} of byte ${position}`)
  }
  for (const length of [0, 1, 100, sealed.length - 1]) await t.rejects(unseal(sealed.subarray(0, length), [alice, bob]), { name: 'ArchiveError' }, `cut at ${length}`)
})

t.test('the thread seals as the function does, and the plaintext does not stay with the caller', async (t) => {
  const sealer = new WorkerSealer(setTimer)
  t.teardown(() => sealer.close())
  const plaintext = new Uint8Array(65_536).fill(65)
  const { bytes } = await sealer.seal(plaintext, recipients)
  t.equal(plaintext.length, 0, 'its memory went to the thread')
  t.ok(Buffer.alloc(65_536, 65).equals(await unseal(bytes, [alice, bob])))
})

t.test('a segment that cannot be sealed fails alone, with an error that says nothing of it', async (t) => {
  const sealer = new WorkerSealer(setTimer)
  t.teardown(() => sealer.close())
  await t.rejects(sealer.seal(new Uint8Array(Buffer.from('canary 203.0.113.7')), ['age1canary', recipients[1]]), { name: 'ArchiveError', message: 'a segment could not be sealed: Error' })
  t.ok(await sealer.seal(new Uint8Array(10), recipients))
})

t.test('a thread that does not answer in time is replaced, and one that was closed gives up what it had', async (t) => {
  let fire = () => undefined as void
  const sealer = new WorkerSealer((run) => {
    fire = run
    return () => undefined
  })
  const late = sealer.seal(new Uint8Array(1 << 20), recipients)
  fire()
  await t.rejects(late, { message: 'a segment could not be sealed: it took too long' })
  t.ok(await sealer.seal(new Uint8Array(10), recipients))
  const last = sealer.seal(new Uint8Array(1 << 20), recipients)
  await Promise.all([t.rejects(last, { message: 'a segment could not be sealed: it was closed' }), sealer.close()])
})
