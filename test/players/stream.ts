/**
 * A stream of any length from one segment of each kind: the same pictures again and again, each time with a later decode
 * time. Live and on demand, HLS and DASH, two qualities and a language of sound.
 *
 * The segments under `media/` are 1.92 s, which is 48 pictures and 90 frames of sound, made with ffmpeg from its own test
 * picture and tone.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const SEGMENT_MS = 1920
const WINDOW = 8
const VOD_SEGMENTS = 40
/** Ticks of a second, and of a segment, in the files. */
const TRACKS = { v0: 25_000, v1: 25_000, a: 48_000 } as const
type Track = keyof typeof TRACKS
const QUALITIES = [
  { track: 'v0', bandwidth: 40_000, size: [96, 54] },
  { track: 'v1', bandwidth: 60_000, size: [160, 90] },
] as const
const CODECS = { video: 'avc1.42c00c', audio: 'mp4a.40.2' }

const folder = join(import.meta.dirname, 'media')
const files = Object.fromEntries(Object.keys(TRACKS).map((track) => [track, { init: readFileSync(join(folder, `${track}-init.mp4`)), segment: readFileSync(join(folder, `${track}.m4s`)) }]))

export interface Served {
  readonly type: string
  readonly body: string | Buffer
  readonly cache: string
}

/**
 * @param path such as `/live/master.m3u8` or `/vod/v0-12.m4s`
 * @param since milliseconds since the epoch at which the live stream began
 */
export function serve(path: string, now: number, since: number): Served | undefined {
  const [, kind, file = ''] = /\/(live|vod)\/([a-z0-9.-]+)$/.exec(path) ?? []
  if (kind === undefined) return undefined
  const live = kind === 'live'
  if (file === 'master.m3u8') return playlist(master(), 'max-age=60')
  if (file === 'manifest.mpd') return { type: 'application/dash+xml', body: mpd(live, now, since), cache: 'max-age=1' }
  const [, track, what] = /^(v0|v1|a)(\.m3u8|-init\.mp4|-\d+\.m4s)$/.exec(file) ?? []
  if (track === undefined || what === undefined) return undefined
  if (what === '.m3u8') return playlist(media(track as Track, live, now, since), live ? 'max-age=1' : 'max-age=60')
  if (what === '-init.mp4') return { type: 'video/mp4', body: files[track]?.init ?? '', cache: 'max-age=60' }
  const number = Number(what.slice(1, -4))
  const available = live ? number <= newest(now, since) : number < VOD_SEGMENTS
  return available ? { type: 'video/mp4', body: segment(track as Track, number), cache: 'max-age=60' } : undefined
}

function playlist(body: string, cache: string): Served {
  return { type: 'application/vnd.apple.mpegurl', body, cache }
}

/** The last whole segment. */
function newest(now: number, since: number): number {
  return Math.floor((now - since) / SEGMENT_MS) - 1
}

/** Writes the decode time into the `tfdt` box, which these files have in its 64-bit form, and the number into `mfhd`. */
function segment(track: Track, number: number): Buffer {
  const bytes = Buffer.from(files[track]?.segment ?? '')
  const at = bytes.indexOf('tfdt', 0, 'latin1')
  bytes.writeBigUInt64BE(BigInt(Math.round((number * SEGMENT_MS * TRACKS[track]) / 1000)), at + 8)
  bytes.writeUInt32BE(number + 1, bytes.indexOf('mfhd', 0, 'latin1') + 8)
  return bytes
}

function master(): string {
  const variants = QUALITIES.map(({ track, bandwidth, size: [width, height] }) => `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},CODECS="${CODECS.video},${CODECS.audio}",RESOLUTION=${width}x${height},FRAME-RATE=25.000,AUDIO="sound"\n${track}.m3u8\n`)
  return `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="tone",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",URI="a.m3u8"\n${variants.join('')}`
}

function media(track: Track, live: boolean, now: number, since: number): string {
  const last = live ? newest(now, since) : VOD_SEGMENTS - 1
  const first = live ? Math.max(0, last - WINDOW + 1) : 0
  const lines = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const number = first + i
    const date = live ? `#EXT-X-PROGRAM-DATE-TIME:${new Date(since + number * SEGMENT_MS).toISOString()}\n` : ''
    return `${date}#EXTINF:${SEGMENT_MS / 1000},\n${track}-${number}.m4s\n`
  })
  const head = `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:${first}\n${live ? '' : '#EXT-X-PLAYLIST-TYPE:VOD\n'}#EXT-X-MAP:URI="${track}-init.mp4"\n`
  return head + lines.join('') + (live ? '' : '#EXT-X-ENDLIST\n')
}

function mpd(live: boolean, now: number, since: number): string {
  const iso = (ms: number) => new Date(ms).toISOString()
  const timing = live
    ? `type="dynamic" availabilityStartTime="${iso(since)}" publishTime="${iso(now)}" minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT${(WINDOW * SEGMENT_MS) / 1000}S" suggestedPresentationDelay="PT6S"`
    : `type="static" mediaPresentationDuration="PT${(VOD_SEGMENTS * SEGMENT_MS) / 1000}S"`
  const template = `<SegmentTemplate timescale="100" duration="${SEGMENT_MS / 10}" startNumber="0" initialization="$RepresentationID$-init.mp4" media="$RepresentationID$-$Number$.m4s"/>`
  const video = QUALITIES.map(({ track, bandwidth, size: [width, height] }) => `<Representation id="${track}" bandwidth="${bandwidth}" codecs="${CODECS.video}" width="${width}" height="${height}" frameRate="25"/>`)
  return `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT2S" ${timing}>
  <Period id="0" start="PT0S">
    <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">${template}${video.join('')}</AdaptationSet>
    <AdaptationSet contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">${template}<Representation id="a" bandwidth="16000" codecs="${CODECS.audio}" audioSamplingRate="48000"/></AdaptationSet>
  </Period>
${live ? `  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="${iso(now)}"/>\n` : ''}</MPD>
`
}
