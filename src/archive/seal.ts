/**
 * Sealing so that two officers are needed to open: for A, and what comes out again for B. The owner of `age-encryption`.
 *
 * The keys are age's post-quantum hybrid of ML-KEM-768 and X25519, because a copy of the archive that is taken today can
 * wait for the machine that breaks X25519 alone.
 */
import { Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { ArchiveError } from './archive-error.ts'

/** @param recipients public keys of two officers, in the order in which they seal */
export async function seal(plaintext: Uint8Array, recipients: readonly [string, string]): Promise<Uint8Array> {
  const [inner, outer] = recipients
  if (inner === outer) throw new ArchiveError('a segment must be sealed to two different keys')
  return encrypt(await encrypt(plaintext, inner), outer)
}

/**
 * With the identities of both officers, in any order.
 * @throws ArchiveError where one is missing or wrong, or the segment was altered: which of these is not told apart
 */
export async function unseal(ciphertext: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  try {
    return await decrypt(await decrypt(ciphertext, identities), identities)
  } catch {
    throw new ArchiveError('the segment does not open with these identities')
  }
}

/** A new private key, `AGE-SECRET-KEY-PQ-1...`. */
export function makeIdentity(): Promise<string> {
  return generateHybridIdentity()
}

/** The public key of an identity, `age1pq1...`. Throws an ArchiveError for what is no identity. */
export async function recipientOf(identity: string): Promise<string> {
  try {
    return await identityToRecipient(identity)
  } catch {
    throw new ArchiveError('this is not an age identity')
  }
}

function encrypt(bytes: Uint8Array, recipient: string): Promise<Uint8Array> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return encrypter.encrypt(bytes)
}

function decrypt(bytes: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  return decrypter.decrypt(bytes)
}
