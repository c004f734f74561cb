/** A TCP proxy on loopback between a router and its Redis, which does to bytes what bad networks do. */
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/**
 * `latency`: what the server says arrives `ms` later. `cut`: every connection is reset every `ms`. `trickle`: the server's
 * answers come in pieces of one byte, one every `ms`. `black hole`: connections stay open and nothing arrives either way.
 * `no hint`: what is asked of the stream is lost and never answered, all else works.
 */
export type Fault = { readonly kind: 'none' | 'black hole' | 'no hint' } | { readonly kind: 'latency' | 'cut' | 'trickle'; readonly ms: number }

export interface FaultProxy {
  readonly port: number
  readonly url: string
  /** Connections that were taken so far, and those that the fault has ended or, with `no hint`, left waiting. */
  readonly taken: number
  readonly ended: number
  /** From now on. Bytes that were held back by a black hole are lost, with their connections. */
  set(fault: Fault): void
  close(): Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  queue: Promise<void>
}

export async function startFaultProxy(to: number): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  let fault: Fault = { kind: 'none' }
  let timer: NodeJS.Timeout | undefined
  let taken = 0
  let ended = 0
  const end = (pair: Pair) => {
    if (!pairs.delete(pair)) return
    pair.client.destroy()
    pair.server.destroy()
  }
  const cut = () => {
    ended += pairs.size
    for (const pair of [...pairs]) end(pair)
  }
  const listener = createServer((client) => {
    taken++
    const pair: Pair = { client, server: connect(to, '127.0.0.1'), queue: Promise.resolve() }
    pairs.add(pair)
    for (const socket of [pair.client, pair.server]) socket.setNoDelay(true).on('error', () => end(pair)).on('close', () => end(pair))
    client.on('data', (data: Buffer) => {
      if (fault.kind === 'black hole') return
      if (fault.kind === 'no hint' && /XREAD/i.test(data.toString('latin1'))) {
        ended++
        return
      }
      pair.server.write(data)
    })
    pair.server.on('data', (data: Buffer) => {
      const { kind } = fault
      if (kind === 'black hole') return
      if (kind === 'latency') {
        const { ms } = fault
        setTimeout(() => pair.client.destroyed || pair.client.write(data), ms)
      } else if (kind === 'trickle') {
        const { ms } = fault
        pair.queue = pair.queue.then(() => trickle(pair.client, data, ms))
      } else {
        // What was trickled before must not be overtaken.
        pair.queue = pair.queue.then(() => void (pair.client.destroyed || pair.client.write(data)))
      }
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get taken() {
      return taken
    },
    get ended() {
      return ended
    },
    set: (next) => {
      clearInterval(timer)
      if (fault.kind === 'black hole') cut()
      fault = next
      if (next.kind === 'cut') timer = setInterval(cut, next.ms)
      // A connection that waits already has asked before the fault.
      if (next.kind === 'no hint') cut()
    },
    close: async () => {
      clearInterval(timer)
      cut()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

async function trickle(to: Socket, data: Buffer, ms: number): Promise<void> {
  for (let i = 0; i < data.length && !to.destroyed; i++) {
    to.write(data.subarray(i, i + 1))
    await new Promise((resolve) => setTimeout(resolve, ms))
  }
}
