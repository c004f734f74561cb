/** `node:http` with the settings that a public listener needs, and the reading of what it tells. */
import { createServer } from './builtin.ts'
import type { Server } from 'node:http'
import type { Limits } from './limits.ts'
import type { HttpRejectionName } from './rejection.ts'

export function hardenedServer(limits: Limits): Server {
  const server = createServer({
    maxHeaderSize: limits.maxHeaderSize,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: limits.checkingInterval,
    insecureHTTPParser: false,
    // `readRequest` is stricter, and its answer has the headers that a browser needs to see it.
    requireHostHeader: false,
    // A request without content then says so by having ended already.
    optimizeEmptyRequests: true,
  })
  server.maxHeadersCount = limits.maxHeaders
  server.timeout = limits.idleTimeout
  // Else the end of what a client says would end the connection under an answer that is still being made. Node
  // documents it nowhere, so a test pins that it works.
  Object.assign(server, { httpAllowHalfOpen: true })
  return server
}

/** The rejection behind a parser's error; undefined for a connection that broke, where nobody is left to be answered. */
export function rejectionOf(code: string | undefined): HttpRejectionName | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout'
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'body'
  return code?.startsWith('HPE_') === true ? 'malformed' : undefined
}

/** Whether content follows these headers. */
export function hasContent(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]?.toLowerCase()
    if (name === 'transfer-encoding' || (name === 'content-length' && headers[i + 1] !== '0')) return true
  }
  return false
}

/** Whether the client would rather speak another protocol. The parser then skips what came with these headers, and loses it. */
export function hasUpgrade(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === 'upgrade') return true
  return false
}
