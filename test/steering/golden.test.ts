// Manifests as packagers write them and, beside them as `.steered`, as steered viewers get them. After a change:
// UPDATE_GOLDEN=1 npm test, then read the difference.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rewriteDash } from '../../src/steering/dash.ts'
import { rewriteHls } from '../../src/steering/hls.ts'
import type { Place } from '../../src/steering/place.ts'

const folder = join(import.meta.dirname, 'golden')
const path = '/vod/t1/manifest'
const A: Place = { id: 'cdn-a', base: 'https://a.cdn.example/prefix', path }
const B: Place = { id: 'cdn-b', base: 'https://b.example', path }
const C: Place = { id: 'edge-7.1x2y', base: 'https://[2001:db8::7]:8443/eu', path }

for (const file of globSync('*.{m3u8,mpd}', { cwd: folder }).sort()) {
  t.test(`${file} is rewritten to what is beside it`, async (t) => {
    const input = readFileSync(join(folder, file), 'utf8')
    const { text } = file.endsWith('.m3u8')
      ? rewriteHls(input, A, [A, B, C], 'https://router.example/-/steering/hls/tv/vod/t1/manifest')
      : rewriteDash(input, A, [B, A, C], { steering: 'https://router.example/-/steering/dash/tv', location: 'https://router.example/tv/vod/t1/manifest.mpd?x=1&y=2' })
    const beside = join(folder, `${file}.steered`)
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(beside, text ?? '')
    t.equal(text, readFileSync(beside, 'utf8'))
  })
}
