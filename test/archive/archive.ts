/** What the archive's tests share: facts of requests, keys, and a router that writes. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { makeSigningKey, readPublicKey, readSigningKey } from '../../src/archive/keys.ts'
import type { RawFacts } from '../../src/archive/raw-record.ts'
import { RecipientList } from '../../src/archive/recipients.ts'
import type { Sealer } from '../../src/archive/sealer.ts'
import { ClientAddress } from '../../src/privacy/address.ts'
import { ClientPort } from '../../src/privacy/port.ts'

/** 2026-03-01T20:31:00Z */
export const NOON = Date.UTC(2026, 2, 1, 20, 31)

export function facts(change: Partial<Omit<RawFacts, 'address'>> & { address?: string | undefined } = {}): RawFacts {
  const { address = '203.0.113.7', ...others } = change
  return {
    time: NOON,
    port: ClientPort.of(40_012),
    method: 'GET',
    scheme: 'https',
    host: 'play.omroep.example',
    path: '/live/main/master.m3u8',
    query: '',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64)',
    decision: { service: 'omroep-live', outcome: 'redirect', target: 'edge-fra-2', status: 302 },
    ...others,
    address: ClientAddress.parse(address),
  }
}

/** Names of keys that only `FakeSealer` can seal to. */
export function fakeList(...days: readonly string[]): RecipientList {
  return new RecipientList(['alice', 'bob'], days.map((day) => [day, [`a of ${day}`, `b of ${day}`]]))
}

/** Gives noise of the plaintext's length, and keeps the plaintext for the test to look at. */
export class FakeSealer implements Sealer {
  readonly plaintexts: string[] = []
  readonly recipients: string[] = []
  closed = false
  /** What to wait for, or fail by, before each segment. */
  before: () => Promise<void> = async () => undefined

  async seal(plaintext: Uint8Array, recipients: readonly [string, string]): Promise<{ bytes: Uint8Array, sha256: string }> {
    await this.before()
    this.plaintexts.push(Buffer.from(plaintext).toString())
    this.recipients.push(recipients.join())
    const bytes = randomBytes(plaintext.length)
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
  }

  async close(): Promise<void> {
    this.closed = true
  }

  /** The records of all plaintexts. */
  get lines(): string[] {
    return this.plaintexts.flatMap((text) => text.split('\n').slice(1).filter((line) => line !== ''))
  }
}

export function signingPair() {
  const { pem, publicKey } = makeSigningKey()
  return { pem, signingKey: readSigningKey(pem), publicKey: readPublicKey(publicKey), publicKeyText: publicKey }
}

/** Every file under a directory. */
export function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map((name) => `${directory}/${String(name)}`).filter((path) => statSync(path).isFile()).sort()
}

/** Files, or their names, that hold one of the texts, as it is, in base64, in hexadecimal or in UTF-16. Texts of at least 9 characters: shorter ones are in noise by chance. */
export function hits(directory: string, texts: readonly string[]): string[] {
  const needles = texts.flatMap((text) => {
    if (text.length < 9) throw new RangeError(`${text} is too short to look for`)
    const bytes = Buffer.from(text)
    return [bytes, Buffer.from(bytes.toString('base64').slice(0, -4)), Buffer.from(bytes.toString('hex')), Buffer.from(text, 'utf16le')]
  })
  return filesUnder(directory).filter((path) => {
    const haystack = Buffer.concat([Buffer.from(path.slice(directory.length)), readFileSync(path)])
    return needles.some((needle) => haystack.includes(needle))
  })
}
