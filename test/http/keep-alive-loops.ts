/** Twenty clients that ask again as soon as they are answered, in a thread of their own as clients are. Run as a worker. */
import { Agent, request } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

const { port, loops } = workerData as { port: number; loops: number }
const agent = new Agent({ keepAlive: true, maxSockets: loops })
const failed: string[] = []
let succeeded = 0
let running = true

function ask(): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', path: '/demo/x.m3u8', agent }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode === 302 ? '' : String(response.statusCode)))
    })
    asked.once('error',
      (error: NodeJS.ErrnoException) => resolve(`${error.code ?? error.name}${asked.reusedSocket ? ' on a kept connection' : ''}`))
    asked.end()
  })
}

async function loop(): Promise<void> {
  while (running) {
    const failure = await ask()
    if (failure === '') succeeded++
    else failed.push(failure)
  }
}

parentPort?.once('message', () => (running = false))
await Promise.all(Array.from({ length: loops }, loop))
agent.destroy()
parentPort?.postMessage({ succeeded, failed })
