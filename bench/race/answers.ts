/** Whether a contestant answers as it must: what is measured must not be something else that is fast. */
import { connect } from 'node:net'
import { edgeHost } from '../configuration.ts'
import type { Contestant, Half } from './contestant.ts'
import { closing, hostsIn, nearHosts } from './stage.ts'
import type { Probe, Stage } from './stage.ts'

const HEADERS = ['Cache-Control: no-store', 'Access-Control-Allow-Origin: *', 'Referrer-Policy: no-referrer', 'X-Content-Type-Options: nosniff']
/** Milliseconds for one answer. */
const PATIENCE = 2000

/** Asks every probe; `undefined` where all answers are right, otherwise what is wrong with one. */
export async function wrongAnswer(contestant: Contestant, stage: Stage, port: number, half?: Half): Promise<string | undefined> {
  for (const probe of stage.probes) {
    const hosts = contestant.blind === true ? [edgeHost(0)] : half === undefined ? nearHosts(probe) : hostsIn(half)
    const wrong = await check(port, probe, hosts)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** Until all answers are right. @returns milliseconds that it took */
export async function untilRight(contestant: Contestant, stage: Stage, port: number, { since, patience, half }: { since: number, patience: number, half?: Half }): Promise<number> {
  for (;;) {
    const asked = performance.now()
    const wrong = await wrongAnswer(contestant, stage, port, half)
    // The first of the answers is what it was ready for.
    if (wrong === undefined) return asked - since
    if (performance.now() - since > patience) throw new Error(`${contestant.name} does not answer as it must: ${wrong}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function check(port: number, { text, target }: Probe, hosts: readonly string[]): Promise<string | undefined> {
  const answer = await ask(port, closing(text))
  const [head = ''] = answer.split('\r\n\r\n')
  const lines = head.split('\r\n').map((line) => line.toLowerCase())
  if (!head.startsWith('HTTP/1.1 302 ')) return `no redirect: ${head.slice(0, 200)}`
  const missing = HEADERS.find((header) => !lines.includes(header.toLowerCase()))
  if (missing !== undefined) return `without ${missing}: ${head}`
  if (!hosts.some((host) => lines.includes(`location: https://${host}${target}`))) return `not to one of ${hosts.join(', ')}: ${head}`
  return undefined
}

/** All of the answer; what is wrong with the connection where there is none. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text)).setEncoding('latin1')
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('it takes too long')))
    socket.on('data', (chunk: string) => (answer += chunk))
    socket.once('error', (error) => resolve(`${error.message}\r\n\r\n`))
    socket.once('close', () => resolve(answer))
  })
}
