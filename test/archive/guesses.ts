/** Private keys that somebody could make of files: every word that is one already, and every 32 bytes that a key may stand in. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface Guesses {
  /** Of the form of an age identity. */
  readonly identities: readonly string[]
  /** Words of the files that are of another form. */
  readonly words: readonly string[]
}

export function guessesFrom(paths: readonly string[]): Guesses {
  const found = new Set<string>()
  for (const path of paths) {
    const bytes = readFileSync(path)
    for (const word of bytes.toString('latin1').split(/\s+/)) if (word.length < 4096) found.add(word)
    // Whatever 32 bytes stand there, as a key; of PEM its bytes, and what X25519 would make of an Ed25519 key.
    const der = Buffer.from(bytes.toString('latin1').replace(/-----[^-]+-----/g, ''), 'base64')
    for (const source of [bytes.subarray(0, path.endsWith('.age') ? 32 : 64), der.subarray(0, /\.(age|checkpoint)$/.test(path) ? 0 : 64)]) {
      for (let i = 0; i + 32 <= source.length; i++) for (const seed of [source.subarray(i, i + 32), createHash('sha512').update(source.subarray(i, i + 32)).digest().subarray(0, 32)]) {
        found.add(bech32('AGE-SECRET-KEY-', seed))
        if (i % 32 === 0) found.add(bech32('AGE-SECRET-KEY-PQ-', seed))
      }
    }
  }
  const isIdentity = (text: string) => text.startsWith('AGE-SECRET-KEY-')
  return { identities: [...found].filter(isIdentity), words: [...found].filter((word) => !isIdentity(word)) }
}

export const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** BIP 173, in capitals: the text form of age's private keys. */
export function bech32(prefix: string, bytes: Uint8Array): string {
  const lower = prefix.toLowerCase()
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const data = (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, '0'), 2))
  const expanded = [...[...lower].map((letter) => letter.charCodeAt(0) >> 5), 0, ...[...lower].map((letter) => letter.charCodeAt(0) & 31)]
  let check = 1
  for (const value of [...expanded, ...data, 0, 0, 0, 0, 0, 0]) {
    const top = check >> 25
    check = ((check & 0x1ffffff) << 5) ^ value
    for (const [i, generator] of [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].entries()) if ((top >> i) & 1) check ^= generator
  }
  const checksum = [0, 1, 2, 3, 4, 5].map((i) => ((check ^ 1) >> (5 * (5 - i))) & 31)
  return `${lower}1${[...data, ...checksum].map((value) => CHARSET[value] ?? '').join('')}`.toUpperCase()
}
