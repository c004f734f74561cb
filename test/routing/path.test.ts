import t from 'tap'
import { classify, isMedia } from '../../src/routing/path.ts'

const cases: [path: string, format: string, object: string, media: boolean][] = [
  ['/live/main.m3u8', 'hls', 'master', false],
  ['/live/MAIN.M3U8', 'hls', 'master', false],
  ['/live/main.m3u', 'hls', 'master', false],
  ['/live/main.mpd', 'dash', 'master', false],
  ['/live/show.ism/manifest', 'mss', 'master', false],
  ['/live/show.isml/Manifest', 'mss', 'master', false],
  ['/live/manifest', 'other', 'other', false],
  ['/live/1.ts', 'ts', 'segment', true],
  ['/live/1.m4s', 'cmaf', 'segment', true],
  ['/live/1.m4v', 'cmaf', 'segment', true],
  ['/live/1.m4a', 'cmaf', 'segment', true],
  ['/live/1.m4f', 'cmaf', 'segment', true],
  ['/live/1.cmfv', 'cmaf', 'segment', true],
  ['/live/1.cmfa', 'cmaf', 'segment', true],
  ['/live/1.cmft', 'cmaf', 'segment', true],
  ['/live/1.mp4', 'mp4', 'segment', true],
  ['/live/1.AAC', 'other', 'segment', true],
  ['/live/1.ac3', 'other', 'segment', true],
  ['/live/1.ec3', 'other', 'segment', true],
  ['/live/1.mp3', 'other', 'segment', true],
  ['/live/1.vtt', 'other', 'segment', true],
  ['/live/1.webvtt', 'other', 'segment', true],
  ['/live/v.init', 'cmaf', 'init', true],
  ['/live/content.key', 'other', 'key', true],
  ['/', 'other', 'other', false],
  ['/live/', 'other', 'other', false],
  ['/live.ts/', 'other', 'other', false],
  ['/live.m3u8/thing', 'other', 'other', false],
  ['/live/main.', 'other', 'other', false],
  ['/live/main.m3u8.txt', 'other', 'other', false],
  ['/live/.ts', 'ts', 'segment', true],
  ['/live/main.constructor', 'other', 'other', false],
  ['/live/main.m3u8;v=1', 'other', 'other', false],
  ['', 'other', 'other', false],
]
for (const [path, format, object, media] of cases) {
  t.test(`${path === '' ? 'an empty path' : path} is ${format} ${object}${media ? ', which is media' : ''}`, async (t) => {
    const found = classify(path)
    t.same(found, { format, object })
    t.equal(isMedia(found), media)
  })
}
