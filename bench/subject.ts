/**
 * One server under test, in a process of its own: `node bench/subject.ts SUBJECT DIRECTORY [THREADS]`. Tells its parent its port;
 * to every message it answers with the processor time so far.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { redirectAnswer } from '../src/http/answers.ts'
import { LIMITS } from '../src/http/limits.ts'
import { hardenedServer } from '../src/http/node-http.ts'
import { edgeHost } from './configuration.ts'
import { isRouter } from './subjects.ts'
import type { Report } from './subjects.ts'

async function startWissel(directory: string): Promise<number> {
  // Only the router's own process gets the router's code, and the memory and time that it takes.
  const { startApp } = await import('../src/app.ts')
  const app = await startApp({ directory, ...(threads === undefined ? {} : { threads: Number(threads) }), messages: () => undefined })
  return app.public.port
}

/** With the headers of the router's own answers, which are the same for all but for `Location`. */
async function startBare(limited: boolean): Promise<number> {
  const base = `https://${edgeHost(0)}`
  const { headers } = redirectAnswer(base, '/', '', 302)
  const others = headers.slice(2)
  const server = limited ? hardenedServer(LIMITS) : createServer()
  server.on('request', (request, response) => {
    response.writeHead(302, ['Location', base + (request.url ?? ''), ...others])
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4096, resolve))
  return (server.address() as AddressInfo).port
}

function report(port?: number): Report {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, ...(port === undefined ? {} : { port }) }
}

const [subject = '', directory = '', threads] = process.argv.slice(2)
const port = isRouter(subject) ? await startWissel(join(directory, subject)) : await startBare(subject === 'limited')
process.on('message', () => process.send?.(report()))
process.on('disconnect', () => process.exit())
process.send?.(report(port))
