/** Twenty clients that ask again as soon as they are answered, in a thread of their own as clients are. Run as a worker. */
import { Agent, request } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

const { port, loops } = workerData as { port: number; loops: number }
const agent = new Agent({ keepAlive: true, maxSockets: loops })
/** What went wrong, and the client's port. */
const failed: [failure: string, port: number | undefined][] = []
const ports = new WeakMap<object, number | undefined>()
let succeeded = 0
let running = true

function ask(): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', path: '/demo/x.m3u8', agent }, (response) => {
      response.resume()
      response.once('end', () => {
        if (response.statusCode !== 302) failed.push([String(response.statusCode), undefined])
        resolve(response.statusCode === 302)
      })
    })
    asked.once('socket', (socket) => {
      if (!ports.has(socket)) socket.once('connect', () => ports.set(socket, socket.localPort))
    })
    asked.once('error', (error: NodeJS.ErrnoException) => {
      failed.push([error.code ?? error.name, asked.socket === null ? undefined : ports.get(asked.socket)])
      resolve(false)
    })
    asked.end()
  })
}

async function loop(): Promise<void> {
  while (running) if ((await ask()) && succeeded++ === 0) parentPort?.postMessage('begun')
}

parentPort?.once('message', () => (running = false))
await Promise.all(Array.from({ length: loops }, loop))
agent.destroy()
parentPort?.postMessage({ succeeded, failed })
