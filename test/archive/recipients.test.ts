import t from 'tap'
import { signText } from '../../src/archive/keys.ts'
import { makeSigningKey, readPublicKey, readSigningKey } from '../../src/archive/keys.ts'
import { readRecipients, RecipientList, writeRecipients } from '../../src/archive/recipients.ts'
import type { DayRecipients } from '../../src/archive/recipients.ts'
import { signingPair } from './archive.ts'

const key = (letter: string) => `age1${letter.repeat(58)}`
const days: readonly (readonly [string, DayRecipients])[] = [['2026-03-01', [key('a'), key('b')]], ['2026-03-02', [key('c'), key('d')]]]
const { signingKey, publicKey } = signingPair()

t.test('a list gives the keys of each of its days and of no other', async (t) => {
  const list = readRecipients(writeRecipients(new RecipientList(['alice', 'bob'], days), signingKey), publicKey)
  t.same(list.officers, ['alice', 'bob'])
  t.same(list.recipientsFor('2026-03-02'), [key('c'), key('d')])
  t.equal(list.recipientsFor('2026-03-03'), undefined)
  t.same(list.days, ['2026-03-01', '2026-03-02'])
})

t.test('a list that was changed in any one character is refused', async (t) => {
  const signed = writeRecipients(new RecipientList(['alice', 'bob'], days), signingKey)
  let refused = 0
  for (let i = 0; i < signed.length; i++) {
    const changed = signed.slice(0, i) + (signed[i] === 'x' ? 'y' : 'x') + signed.slice(i + 1)
    try {
      readRecipients(changed, publicKey)
    } catch {
      refused++
    }
  }
  t.equal(refused, signed.length)
})

t.test('a list that another key signed is refused, and so is one with text after the signature', async (t) => {
  const list = new RecipientList(['alice', 'bob'], days)
  t.throws(() => readRecipients(writeRecipients(list, signingPair().signingKey), publicKey), { name: 'ArchiveError' })
  t.throws(() => readRecipients(`${writeRecipients(list, signingKey)}2026-03-03 ${key('e')} ${key('f')}\n`, publicKey), { name: 'ArchiveError' })
  t.throws(() => readRecipients('', publicKey), { name: 'ArchiveError' })
})

t.test('a signed list that would make one officer enough, or a key outlive its day, is refused', async (t) => {
  const head = 'wissel-archive-recipients/1\nofficers alice bob\n'
  for (const [why, text] of [
    ['one key for both', `${head}2026-03-01 ${key('a')} ${key('a')}\n`],
    ['a key of another day', `${head}2026-03-01 ${key('a')} ${key('b')}\n2026-03-02 ${key('c')} ${key('a')}\n`],
    ['one officer', `wissel-archive-recipients/1\nofficers alice alice\n2026-03-01 ${key('a')} ${key('b')}\n`],
    ['three keys', `${head}2026-03-01 ${key('a')} ${key('b')} ${key('c')}\n`],
    ['one key', `${head}2026-03-01 ${key('a')}\n`],
    ['the same day twice', `${head}2026-03-01 ${key('a')} ${key('b')}\n2026-03-01 ${key('c')} ${key('d')}\n`],
    ['no day', `${head}2026-02-30 ${key('a')} ${key('b')}\n`],
    ['another kind', `wissel-archive-checkpoint/1\nofficers alice bob\n2026-03-01 ${key('a')} ${key('b')}\n`],
  ] as const) {
    t.throws(() => readRecipients(signText(text, signingKey), publicKey), { name: 'ArchiveError' }, why)
  }
})

t.test('a key that is none is refused without repeating it', async (t) => {
  const { pem, publicKey: text } = makeSigningKey()
  t.equal(readSigningKey(pem).asymmetricKeyType, 'ed25519')
  t.equal(readPublicKey(`${text}\n`).asymmetricKeyType, 'ed25519')
  for (const bad of ['', 'ed25519:', text.slice(0, -1), `${text}x`, pem]) t.throws(() => readPublicKey(bad), { name: 'ArchiveError' })
  for (const bad of ['', text, pem.replace(/M/g, 'N')]) {
    t.throws(() => readSigningKey(bad), { name: 'ArchiveError', message: 'the signing key is not an Ed25519 private key in PEM; make one with wissel archive keygen --router-key FILE' })
  }
})
