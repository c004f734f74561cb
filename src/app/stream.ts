/** A Redis stream that records are shipped into, over a connection of its own. */
import type { StreamPort } from '../log/sinks/redis-stream.ts'
import { connectRedis } from '../state/redis-connection.ts'

export interface StreamSettings {
  readonly url: string
  readonly passwordFile?: string | undefined
  readonly username?: string | undefined
  readonly stream?: string | undefined
  readonly maxLength?: number | undefined
}

export async function openStream({ url, passwordFile, username, stream = 'wissel:decisions', maxLength = 1_000_000 }: StreamSettings, now: () => number): Promise<StreamPort & { close(): Promise<void> }> {
  const link = await connectRedis({ url, passwordFile, username }, { use: 'request', name: 'records', now, random: Math.random })
  return {
    // In order, and each acknowledged before the next batch: what is sent twice after an error is known by its place in the segment.
    xadd: async (lines) => {
      await Promise.all(lines.map((line) => link.call('XADD', stream, 'MAXLEN', '~', maxLength, '*', 'record', line)))
    },
    close: () => link.close(),
  }
}
