/** A page per player, unmodified from its package, and a server on loopback for them. */
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'

export interface Player {
  readonly name: string
  readonly package: string | undefined
  readonly protocol: 'hls' | 'dash'
  /** File in the package. */
  readonly script: string | undefined
  /** Run in the page with `video` and `url`. */
  readonly start: string
}

const SHAKA = `shaka.polyfill.installAll(); const player = new shaka.Player(); await player.attach(video)
  player.addEventListener('error', (event) => report('shaka ' + event.detail.code)); await player.load(url).catch((error) => report('shaka ' + error.code))`
const VIDEO_JS = `const player = videojs(video, { muted: true, html5: { vhs: { overrideNative: true } } }); player.on('error', () => report('video.js ' + player.error()?.code))
  player.src({ src: url, type: url.includes('.mpd') ? 'application/dash+xml' : 'application/x-mpegURL' })`

export const PLAYERS: readonly Player[] = [
  { name: 'hls.js', package: 'hls.js', protocol: 'hls', script: 'dist/hls.min.js', start: 'const hls = new Hls(); hls.on(Hls.Events.ERROR, (_, data) => data.fatal && report(data.details)); hls.loadSource(url); hls.attachMedia(video)' },
  { name: 'Shaka', package: 'shaka-player', protocol: 'hls', script: 'dist/shaka-player.compiled.js', start: SHAKA },
  { name: 'video.js', package: 'video.js', protocol: 'hls', script: 'dist/video.min.js', start: VIDEO_JS },
  { name: 'Chromium itself', package: undefined, protocol: 'hls', script: undefined, start: 'video.src = url' },
  { name: 'dash.js', package: 'dashjs', protocol: 'dash', script: 'dist/modern/umd/dash.all.min.js', start: 'const player = dashjs.MediaPlayer().create(); player.on("error", ({ error }) => report("dash.js " + error.code)); player.initialize(video, url, true)' },
  { name: 'Shaka', package: 'shaka-player', protocol: 'dash', script: 'dist/shaka-player.compiled.js', start: SHAKA },
  { name: 'video.js', package: 'video.js', protocol: 'dash', script: 'dist/video.min.js', start: VIDEO_JS },
]

export interface Pages {
  url(player: Player, stream: string): string
  close(): Promise<void>
}

/** @param from a file next to whose `node_modules` the packages are */
export async function servePages(from: string): Promise<Pages> {
  const require = createRequire(from)
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const player = PLAYERS[Number(url.searchParams.get('player') ?? -1)]
    if (player === undefined) {
      response.writeHead(204).end()
    } else if (url.pathname === '/script' && player.script !== undefined) {
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(readFileSync(join(packageFolder(require, player.package ?? ''), player.script)))
    } else {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(html(player, url.searchParams.get('stream') ?? ''))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: (player, stream) => `${origin}/?player=${PLAYERS.indexOf(player)}&stream=${encodeURIComponent(stream)}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

export function packageFolder(require: NodeJS.Require, name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return dirname(require.resolve(join(folder, name, 'package.json')))
    } catch {
      continue
    }
  }
  throw new Error(`${name} is not installed`)
}

function html(player: Player, stream: string): string {
  const script = player.script === undefined ? '' : `<script src="/script?player=${PLAYERS.indexOf(player)}"></script>`
  return `<!doctype html><link rel="icon" href="data:,">${script}<video id="video" muted autoplay playsinline width="160" height="90"></video><script type="module">
  const video = document.getElementById('video'), url = ${JSON.stringify(stream)}
  window.errors = []
  const report = (what) => window.errors.push(String(what))
  video.addEventListener('error', () => report('media ' + video.error?.code))
  video.addEventListener('loadeddata', () => void video.play().catch(() => undefined))
  ${player.start}
</script>`
}
