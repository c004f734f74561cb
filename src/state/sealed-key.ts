/**
 * Keys on their way from router to router, sealed so that Redis, its dumps and its logs hold nothing that opens them.
 *
 * X25519 (RFC 7748) between the two routers' keys, which exist in memory only and are new at each start; HKDF with
 * SHA-256 (RFC 5869); ChaCha20-Poly1305 (RFC 8439) with a random nonce. Whoever can write the reports in Redis can pose
 * as a router and is given the key; whoever reads them, now or from a backup, is not.
 */
import { createCipheriv, createDecipheriv, createHash, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Sealer } from './shared-draw-key.ts'

const CIPHER = 'chacha20-poly1305'
const NONCE = 12
const TAG = 16
/** What stands before the 32 bytes of a public X25519 key in DER (RFC 8410). */
const DER = Buffer.from('302a300506032b656e032100', 'hex')

export function createSealer(): Sealer {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const ownText = publicKey.export({ type: 'spki', format: 'der' }).subarray(DER.length).toString('base64')
  const secrets = new Map<string, Buffer>()
  const secret = (day: number, theirs: string): Buffer => {
    const name = `${day} ${theirs}`
    const known = secrets.get(name)
    if (known !== undefined) return known
    // Bounded: routers come and go, and each has a new key.
    if (secrets.size > 5000) secrets.clear()
    // Both sides name the same two routers in the same order.
    const info = `wissel draw key ${day} ${[ownText, theirs].sort().join(' ')}`
    const derived = Buffer.from(hkdfSync('sha256', diffieHellman({ privateKey, publicKey: keyOf(theirs) }), '', info, 32))
    secrets.set(name, derived)
    return derived
  }
  return {
    publicKey: ownText,
    mark: (day, key) => createHash('sha256').update(`wissel draw mark ${day} `).update(key).digest('hex').slice(0, 16),
    seal: (key, day, theirs) => {
      try {
        const nonce = randomBytes(NONCE)
        const cipher = createCipheriv(CIPHER, secret(day, theirs), nonce, { authTagLength: TAG })
        return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64')
      } catch {
        return undefined
      }
    },
    open: (box, day, theirs) => {
      try {
        const bytes = Buffer.from(box, 'base64')
        if (bytes.length <= NONCE + TAG) return undefined
        const decipher = createDecipheriv(CIPHER, secret(day, theirs), bytes.subarray(0, NONCE), { authTagLength: TAG })
        decipher.setAuthTag(bytes.subarray(-TAG))
        return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()])
      } catch {
        return undefined
      }
    },
  }
}

function keyOf(text: string): KeyObject {
  return createPublicKey({ key: Buffer.concat([DER, Buffer.from(text, 'base64')]), format: 'der', type: 'spki' })
}
