/**
 * A target on loopback: the stream, and everything that was asked of it. It can be killed, as a CDN that goes dark. Each has
 * an address of its own, because players tell servers apart by host name and leave the port aside.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from './stream.ts'

export interface TargetServer {
  readonly host: string
  readonly port: number
  /** Paths in the order in which they came. */
  readonly asked: string[]
  /** Refuses connections and cuts those that are open. */
  kill(): Promise<void>
}

export async function startTarget(host: string, since: number): Promise<TargetServer> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?', 1)
    asked.push(path)
    const found = serve(path, Date.now(), since)
    const headers = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': '*', 'Access-Control-Expose-Headers': 'Date' }
    response.writeHead(request.method === 'OPTIONS' ? 204 : found === undefined ? 404 : 200, { ...headers, ...(found === undefined ? {} : { 'Content-Type': found.type, 'Cache-Control': found.cache, 'Content-Length': Buffer.byteLength(found.body) }) })
    response.end(request.method === 'HEAD' ? undefined : found?.body)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    host,
    port,
    asked,
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
