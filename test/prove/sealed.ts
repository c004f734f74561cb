/** A sealed archive for a router under proof: its keys, and what its two officers find in it when everything is over. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dayOf } from '../../src/archive/day.ts'
import { files, segmentsIn } from '../../src/archive/files.ts'
import { readIdentity } from '../../src/archive/identities.ts'
import { combine } from '../../src/archive/combine.ts'
import { keygen } from '../../src/archive/keygen.ts'
import { unseal } from '../../src/archive/seal.ts'
import { createSigningKey } from '../../src/archive/signing-key-file.ts'
import { until } from '../state/redis-server.ts'

/** Milliseconds that the sealing of a segment is waited for: a fraction of a second, and a quarter of a minute on a machine that is busy with ten other things. */
const SEALED_MS = 120_000

export interface Archive {
  /** For `wissel.yaml`. */
  readonly settings: string
  /** The machines of both officers, and of whoever signs the list: `alice`, `bob`, and the list's key. */
  readonly keys: string
  /** Where the router's segments are. */
  readonly segments: string
  readonly router: string
  /** Public key of the router, `ed25519:...`. */
  readonly publicKey: string
  /** Resolves once so many segments are sealed and on the disk. */
  sealed(count: number): Promise<unknown>
  /** Both officers' private keys of a day; none that was destroyed. */
  identities(day: string): Promise<string[]>
  /** The plaintext of every segment. */
  opened(): Promise<string>
  remove(): void
}

/** @param config where the router's own files go; @param directory where it puts its segments */
export async function archiveFor(router: string, config: string, directory: string): Promise<Archive> {
  const keys = mkdtempSync(join(tmpdir(), 'wissel-officers-'))
  const now = Date.now()
  const officer = async (name: string) => (await keygen({ directory: keys, days: 2, from: dayOf(now), officer: name, now })).list
  const { publicKey } = await combine({ lists: [await officer('alice'), await officer('bob')], directory: keys, listKey: join(keys, 'list.key'), now })
  const own = await createSigningKey(join(config, 'signing.key'))
  cpSync(join(keys, 'recipients.txt'), join(config, 'recipients.txt'))
  mkdirSync(directory, { recursive: true })
  const identities = async (day: string) => {
    const paths = ['alice', 'bob'].map((name) => join(keys, name, `${day}.key`)).filter((path) => existsSync(path))
    return (await Promise.all(paths.map(readIdentity))).map(({ secret }) => secret)
  }
  return {
    keys, segments: directory, router, publicKey: own, identities,
    // Names alone: a file that is being written may be gone the next moment.
    sealed: (count) => until(() => readdirSync(directory, { recursive: true }).filter((name) => String(name).endsWith('.checkpoint')).length >= count, SEALED_MS),
    settings: `archive: { recipients: recipients.txt, recipientsKey: '${publicKey}', signingKey: signing.key, directory: ${JSON.stringify(directory)} }\n`,
    opened: async () => {
      let text = ''
      for (const { day, name } of await segmentsIn(files, join(directory, router))) {
        text += Buffer.from(await unseal(readFileSync(join(directory, router, day, `${name}.age`)), await identities(day))).toString('latin1')
      }
      return text
    },
    remove: () => rmSync(keys, { recursive: true, force: true }),
  }
}
