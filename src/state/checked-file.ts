/**
 * Files that a router keeps for itself and can do without: what it read or compiled once. Each ends with a digest of what is
 * before it, so that one that is torn or was damaged is none.
 */
import { createHash } from 'node:crypto'
import type { FileIO } from './durable-file.ts'
import { replaceFile } from './durable-file.ts'

/** Bytes of a SHA-256 digest. */
const DIGEST = 32
/** Bytes between two looks at what else there is to do: one or two milliseconds. */
const SLICE = 4 * 2 ** 20

/** The bytes that were written; `undefined` where there are none, or other ones. Never rejects. */
export async function readChecked(io: Pick<FileIO, 'read'>, path: string): Promise<Uint8Array | undefined> {
  const bytes = await io.read(path).catch(() => undefined)
  if (bytes === undefined || bytes.length < DIGEST) return undefined
  const body = bytes.subarray(0, -DIGEST)
  return (await sha256(body)) === Buffer.from(bytes.subarray(-DIGEST)).toString('hex') ? body : undefined
}

/** Writes as `replaceFile` does, and rejects as it does. */
export function replaceChecked(io: FileIO, directory: string, name: string, pieces: Iterable<Uint8Array>): Promise<void> {
  return replaceFile(io, directory, name, withDigest(pieces))
}

async function* withDigest(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256')
  for (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
  yield hash.digest()
}

/** In hexadecimal, in between other things. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += SLICE) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve))
    hash.update(bytes.subarray(at, at + SLICE))
  }
  return hash.digest('hex')
}
