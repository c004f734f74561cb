/** nginx with geoip2, a map and a JSON access log. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isPresent } from '../machine.ts'
import type { Contestant, Half } from './contestant.ts'
import { takeDecisions } from './log.ts'
import { end, freePort, launch } from './processes.ts'
import { defaultEdge, edgeByCountry } from './stage.ts'
import type { Stage } from './stage.ts'

/** As the configuration has it. */
const LOG = 'nginx.log'
const MODULE = ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules', '/etc/nginx/modules', '/usr/local/nginx/modules']
  .map((directory) => join(directory, 'ngx_http_geoip2_module.so'))
  .find((path) => existsSync(path))

export const nginx: Contestant = {
  name: 'nginx',
  does: 'Country from the MMDB file (`geoip2`), edge by country (`map`), title by a regular expression, `return 302`, a JSON line for every request through a buffer. No health, no jurisdiction, no policy, no title kept on its edge, no class of the user agent, no count of equal lines; its answer has a body of 138 bytes that cannot be left out.',
  swaps: 'a new map and SIGHUP: the master reads everything and starts a new worker, the old one ends when its connections do',
  missing: () => (!isPresent('nginx') ? 'nginx is not installed' : MODULE === undefined ? 'the module geoip2 of nginx is not installed' : undefined),
  start: async (stage) => {
    const port = await freePort()
    const configuration = join(stage.work, 'nginx.conf')
    await writeFile(configuration, await filled(stage, port))
    await writeEdges(stage, 0)
    const child = launch('server', 'nginx', ['-p', stage.work, '-e', join(stage.work, 'nginx-error.log'), '-c', configuration], ['ignore', 'inherit', 'inherit'])
    return {
      port,
      pids: [child.pid],
      swap: async (half) => {
        await writeEdges(stage, half)
        child.kill('SIGHUP')
      },
      // Gracefully: otherwise lines that it has not written yet are lost.
      stop: () => end(child, 'SIGQUIT'),
    }
  },
  recorded: ({ work }) => takeDecisions(join(work, LOG)),
}

async function filled({ work, database, hosts }: Stage, port: number): Promise<string> {
  const values: Readonly<Record<string, string>> = { MODULE: MODULE ?? '', DIRECTORY: work, DATABASE: database, PORT: String(port), HOSTS: hosts.join(' ') }
  return (await readFile(join(import.meta.dirname, 'nginx.conf'), 'utf8')).replace(/@([A-Z]+)@/g, (whole, name: string) => values[name] ?? whole)
}

function writeEdges({ work }: Stage, half: Half): Promise<void> {
  const lines = [...edgeByCountry(half)].map(([country, edge]) => `${country} ${edge};\n`)
  return writeFile(join(work, 'nginx-edges.map'), `default ${defaultEdge(half)};\n${lines.join('')}`)
}
