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
    xadd: async ({ lines, offsets, writer, segment }) => {
      const entries = lines.flatMap((line, i) => [offsets[i] ?? 0, line])
      await link.call('EVAL', ADD, 2, stream, lastPlaceKey(stream, writer), maxLength, REMEMBERED, writer, segment, ...entries)
    },
    close: () => link.close(),
  }
}

/** Seconds that Redis remembers how far a writer came. A batch is sent again within minutes of a broken connection, a restart of the router included. */
const REMEMBERED = 86_400

/**
 * A batch is added whole or not at all. A connection that breaks before the answer leaves it open which, so the last place of
 * a writer is remembered beside the stream, and what does not come after it is skipped: it is there. An empty stream has nothing.
 */
const ADD = `
local segment, offset = -1, -1
if redis.call('XLEN', KEYS[1]) > 0 then
  local known = redis.call('GET', KEYS[2])
  if known then
    local s, o = string.match(known, '^(%d+)/(%d+)$')
    if s then segment, offset = tonumber(s), tonumber(o) end
  end
end
local last
for i = 5, #ARGV, 2 do
  local s, o = tonumber(ARGV[4]), tonumber(ARGV[i])
  if s > segment or (s == segment and o > offset) then
    last = ARGV[4] .. '/' .. ARGV[i]
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'record', ARGV[i + 1], 'place', ARGV[3] .. '/' .. last)
  end
end
if last then redis.call('SET', KEYS[2], last, 'EX', ARGV[2]) end
`

/** In the slot of the stream, should it be a cluster's. */
function lastPlaceKey(stream: string, writer: string): string {
  return `${/\{[^}]+\}/.test(stream) ? stream : `{${stream}}`}:last:${writer}`
}
