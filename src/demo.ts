/** Targets for a first try: a server for each loopback target of the configuration, answering manifests with a playlist that names it. */
import { createServer } from './http/builtin.ts'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Target } from './routing/model.ts'

export interface DemoTargets {
  readonly running: readonly string[]
  close(): Promise<void>
}

/** Starts those that can be started: a port that is taken is left out and reported through `onBusy`. */
export async function startDemoTargets(targets: readonly Target[], onBusy: (id: string, port: number) => void): Promise<DemoTargets> {
  const servers: Server[] = []
  const running: string[] = []
  for (const { id, base } of targets) {
    const url = URL.parse(base.http ?? '')
    if (url?.hostname !== '127.0.0.1' || url.port === '') continue
    const server = createServer((request, response) => answer(id, request, response))
    const started = await listen(server, Number(url.port))
    if (!started) {
      onBusy(id, Number(url.port))
      continue
    }
    servers.push(server)
    running.push(id)
  }
  return { running, close: async () => void (await Promise.all(servers.map(stop))) }
}

function answer(id: string, request: IncomingMessage, response: ServerResponse): void {
  const playlist = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n## served by ${id}\n#EXTINF:4,\nsegment-1.ts\n#EXT-X-ENDLIST\n`
  request.resume()
  response.writeHead(200, {
    'Content-Type': 'application/vnd.apple.mpegurl',
    'Content-Length': Buffer.byteLength(playlist),
    'Access-Control-Allow-Origin': '*',
    'Cache-Control': 'no-store',
    'X-Target': id,
  })
  response.end(request.method === 'HEAD' ? undefined : playlist)
}

function listen(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
