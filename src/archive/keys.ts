/**
 * Ed25519 signing keys. A private key is a PKCS #8 PEM file, as `openssl genpkey -algorithm ed25519` writes it; a public
 * key is one line, `ed25519:` and 43 characters, that fits into a setting or a letter.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { ArchiveError } from './archive-error.ts'

export type { KeyObject } from 'node:crypto'

/** Both throw an ArchiveError for what is no such key. */
export function readSigningKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Reported below: the parser's own message may hold a part of the key.
  }
  throw new ArchiveError('the signing key is not an Ed25519 private key in PEM; make one with wissel archive keygen --router-key FILE')
}

export function readPublicKey(text: string): KeyObject {
  const [, x] = /^ed25519:([A-Za-z0-9_-]{43})\s*$/.exec(text) ?? []
  if (x === undefined) throw new ArchiveError('the public key is not of the form ed25519: and 43 characters; take it from the .pub file')
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  } catch {
    throw new ArchiveError('the public key is not an Ed25519 key; take it from the .pub file')
  }
}

export function publicKeyText(key: KeyObject): string {
  const { x = '' } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  return `ed25519:${x}`
}

export function publicKeyOf(signingKey: KeyObject): KeyObject {
  return createPublicKey(signingKey)
}

export function makeSigningKey(): { readonly pem: string, readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), publicKey: publicKeyText(privateKey) }
}

const SIGNATURE = 'signature '

/** The text with a line of its signature after it. Its first line must name its kind, so that no text passes for another. */
export function signText(text: string, signingKey: KeyObject): string {
  return `${text}${SIGNATURE}${sign(null, Buffer.from(text), signingKey).toString('base64')}\n`
}

/** The text without its signature; undefined where the signature is missing, or is not by this key over exactly these bytes. */
export function verifiedText(signed: string, publicKey: KeyObject): string | undefined {
  const at = signed.lastIndexOf(`\n${SIGNATURE}`) + 1
  const [, signature] = /^signature ([A-Za-z0-9+/]{86}==)\n$/.exec(signed.slice(at)) ?? []
  if (at === 0 || signature === undefined) return undefined
  const text = signed.slice(0, at)
  const bytes = Buffer.from(signature, 'base64')
  // Base64 leaves four bits of the last character unused; they are to be zero.
  if (bytes.toString('base64') !== signature) return undefined
  return verify(null, Buffer.from(text), publicKey, bytes) ? text : undefined
}
