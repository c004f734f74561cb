/** Targets on loopback that answer health checks well, or in one of the ways in which real ones fail. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** `flaps`: works and resets in turn, a second each. `redirects`: to an address that only the router's network has. */
export const WAYS = ['works', 'resets', 'hangs', 'drips', 'redirects', 'flaps'] as const
export type Way = (typeof WAYS)[number]

export interface Target {
  readonly id: string
  readonly port: number
  readonly authority: string
  behave(way: Way): void
  close(): Promise<void>
}

export async function startTarget(id: string): Promise<Target> {
  let way: Way = 'works'
  const server = createServer((request, response) => {
    const now: Way = way === 'flaps' ? (Math.floor(Date.now() / 1000) % 2 === 0 ? 'works' : 'resets') : way
    if (now === 'resets') return void request.socket.resetAndDestroy()
    if (now === 'hangs') return
    if (now === 'redirects') return void response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end()
    if (now === 'works') return void response.end('#EXTM3U\n')
    // It holds all that a healthy answer holds, and goes on.
    response.write('#EXTM3U\n')
    const drip = setInterval(() => response.write('#'), 50)
    response.once('close', () => clearInterval(drip))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    id,
    port,
    authority: `127.0.0.1:${port}`,
    behave: (next) => void (way = next),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
