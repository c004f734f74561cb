/**
 * Long values in pieces, each within the time of one short command: a connection whose commands may take half a second
 * could otherwise not read a large one, and one that may take longer would hang longer.
 */
import type { RedisLink } from './redis-connection.ts'

const PIECE = 1024 * 1024

/**
 * The value, or at most `limit` + 1 bytes of a longer one; `undefined` where there is none. A value that is replaced
 * while it is read comes out mixed: the caller verifies it.
 */
export async function readLong(link: RedisLink, key: string, limit: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let length = 0
  while (length <= limit) {
    const end = Math.min(length + PIECE - 1, limit)
    const piece = await link.callBytes('GETRANGE', key, length, end)
    if (!Buffer.isBuffer(piece) || piece.length === 0) break
    pieces.push(piece)
    length += piece.length
    if (piece.length < PIECE && length <= limit) break
  }
  if (length > 0) return Buffer.concat(pieces)
  return (await link.call('EXISTS', key)) === 1 ? Buffer.alloc(0) : undefined
}
