/** HAProxy with a redirect rule, a table of networks, a map by country and a JSON log. */
import { once } from 'node:events'
import { open, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { isPresent } from '../machine.ts'
import type { Contestant, Half } from './contestant.ts'
import { takeDecisions } from './log.ts'
import { end, freePort, launch } from './processes.ts'
import { defaultEdge, edgeByCountry } from './stage.ts'
import type { Stage } from './stage.ts'

const LOG = 'haproxy.log'

export const haproxy: Contestant = {
  name: 'HAProxy',
  does: 'Country from a table of the database\'s networks (`map_ip`; it cannot read MMDB files), edge by country (`map_str`), title as the path\'s second part, `http-request redirect`, a JSON line for every request, written at once to a file. It leaves out what nginx does; its answer has no body.',
  swaps: 'a new map over its command socket, put in place as a whole (`prepare map`, `commit map`): nothing is restarted',
  missing: () => (isPresent('haproxy') ? undefined : 'HAProxy is not installed'),
  start: async (stage) => {
    const port = await freePort()
    const configuration = join(stage.work, 'haproxy.cfg')
    await writeFile(configuration, await filled(stage, port))
    await writeFile(join(stage.work, 'haproxy-services.map'), stage.hosts.map((host) => `${host} ${host.split('.')[0]}\n`).join(''))
    await writeFile(edgesFile(stage), entries(0))
    const [log, messages] = await Promise.all([LOG, 'haproxy-messages.log'].map((name) => open(join(stage.work, name), 'a')))
    const child = launch('server', 'haproxy', ['-db', '-f', configuration], ['ignore', log?.fd, messages?.fd])
    await Promise.all([log?.close(), messages?.close()])
    return { port, pids: [child.pid], swap: (half) => swap(stage, half), stop: () => end(child) }
  },
  recorded: ({ work }) => takeDecisions(join(work, LOG)),
}

async function filled({ work, networks }: Stage, port: number): Promise<string> {
  const values: Readonly<Record<string, string>> = { DIRECTORY: work, NETWORKS: networks, PORT: String(port), DEFAULT: defaultEdge(0) }
  return (await readFile(join(import.meta.dirname, 'haproxy.cfg'), 'utf8')).replace(/@([A-Z]+)@/g, (whole, name: string) => values[name] ?? whole)
}

const edgesFile = ({ work }: Stage) => join(work, 'haproxy-edges.map')
const entries = (half: Half) => [...edgeByCountry(half)].map(([country, edge]) => `${country} ${edge}\n`).join('')

async function swap(stage: Stage, half: Half): Promise<void> {
  const file = edgesFile(stage)
  const version = /version created: (\d+)/.exec(await command(stage, `prepare map ${file}`))?.[1]
  if (version === undefined) throw new Error('HAProxy prepares no map')
  await command(stage, `add map @${version} ${file} <<\n${entries(half)}`)
  await command(stage, `commit map @${version} ${file}`)
}

/** What HAProxy answers on its socket to one command, which ends with an empty line where it has a payload. */
async function command({ work }: Stage, text: string): Promise<string> {
  const socket = connect(join(work, 'haproxy.sock')).setEncoding('utf8')
  let answer = ''
  socket.on('data', (chunk: string) => (answer += chunk))
  socket.write(`${text}\n`)
  await once(socket, 'close')
  return answer
}
