/** `node:http` alone: what a redirect costs before anything is decided. */
import { startSubject } from '../server.ts'
import type { Contestant } from './contestant.ts'
import { end } from './processes.ts'

export const bare: Contestant = {
  name: '`node:http` 302',
  does: 'The same answer to every request but for its path, with the same headers. No country, no choice, no log: what the HTTP server of Node costs alone.',
  blind: true,
  missing: () => undefined,
  start: async (stage) => {
    const { child, port } = await startSubject('bare', stage)
    if (child.pid === undefined) throw new Error('Node could not be started')
    return { port, pids: [child.pid], stop: () => end(child) }
  },
}
