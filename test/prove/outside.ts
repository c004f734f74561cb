/**
 * What a router in use is connected to, and what all of it came to know: a Redis that writes everything down (its append
 * only file, its dump, its slow log, every command that MONITOR shows), and a collector of decision records.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REDIS_ABSENT, startServer, until } from '../state/redis-server.ts'
import type { Server } from '../state/redis-server.ts'

export interface Outside {
  readonly redis: string
  readonly collector: string
  /** Resolves once both have a decision record, and the router has reported to the others once more. */
  recorded(): Promise<void>
  /** Everything that is known, by where it stands, as binary strings. */
  places(): Promise<Map<string, string>>
  close(): Promise<void>
}

/** Uncompressed, so that a search finds what is there. */
const WRITTEN_DOWN = [['appendonly', 'yes'], ['appendfsync', 'always'], ['rdbcompression', 'no'], ['slowlog-log-slower-than', '0'], ['slowlog-max-len', '100000'], ['loglevel', 'verbose'], ['logfile', 'redis.log']] as const
const STREAM = 'wissel:decisions'

export async function outside(): Promise<Outside> {
  if (REDIS_ABSENT !== false) throw new Error(REDIS_ABSENT)
  const closing: (() => unknown)[] = []
  const scope: { teardown(close: () => unknown): void } = { teardown: (close) => void closing.push(close) }
  const directory = mkdtempSync(join(tmpdir(), 'wissel-outside-'))
  scope.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const server = await (startServer as (of: typeof scope, lines: readonly (readonly string[])[]) => Promise<Server>)(scope, [['dir', directory], ...WRITTEN_DOWN])

  let monitored = ''
  const monitor = connect(server.port, '127.0.0.1', () => monitor.write('MONITOR\r\n'))
  monitor.setEncoding('latin1').on('data', (text: string) => (monitored += text))
  scope.teardown(() => monitor.destroy())

  let collected = ''
  const collector = createServer((request, response) => {
    collected += `${request.url} ${request.rawHeaders.join(' ')}\n`
    request.setEncoding('latin1').on('data', (text: string) => (collected += text)).on('end', () => response.writeHead(204).end())
  })
  await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve))
  scope.teardown(() => {
    collector.closeAllConnections()
    collector.close()
  })

  const ask = (...commands: string[]) => told(server.port, commands)
  return {
    redis: server.url,
    collector: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/records`,
    recorded: async () => {
      const reports = () => monitored.split('"SET" "{wissel}:router:').length
      const before = reports()
      await until(async () => collected.includes('"service":') && reports() > before && /^:[1-9]/.test(await ask(`XLEN ${STREAM}`)), 20_000)
    },
    places: async () => {
      const keys = (await ask('KEYS *')).split('\r\n').filter((line) => /^[^*$+:-]/.test(line))
      const values = await Promise.all(keys.map(async (key): Promise<[string, string]> => [`redis value ${key}`, await ask(...['GET', 'HGETALL', 'SMEMBERS'].map((read) => `${read} ${key}`), `LRANGE ${key} 0 -1`, `ZRANGE ${key} 0 -1`, `XRANGE ${key} - +`)]))
      const slow = await ask('SLOWLOG GET -1')
      const clients = await ask('CLIENT LIST', 'ACL LOG', 'INFO everything')
      await ask('SAVE')
      const written = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry): [string, string] => [`redis file ${entry.name}`, readFileSync(join(entry.parentPath, entry.name), 'latin1')])
      return new Map([...values, ...written, ['redis keys', keys.join('\n')], ['redis slow log', slow], ['redis clients', clients], ['redis monitor', monitored], ['collector', collected]])
    },
    close: async () => {
      for (const close of closing.reverse()) await close()
    },
  }
}

/** The answers as Redis sends them; those to a command for another kind of value are errors. */
function told(port: number, commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(`${[...commands, 'QUIT'].join('\r\n')}\r\n`, 'latin1'))
    socket.setEncoding('latin1').on('data', (more: string) => (text += more))
    socket.once('error', reject).once('close', () => resolve(text))
  })
}
