/** Several listeners on a port, and one where the system has no such thing. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import t from 'tap'
import { freePort } from '../free-port.ts'
import { Acceptors, listening } from '../../src/http/acceptors.ts'

/** @param refusal what the system says to a listener that would share its port */
function stage(refusal?: NodeJS.ErrnoException) {
  const opened: boolean[] = []
  const accepted: Socket[] = []
  const acceptors = new Acceptors((socket) => accepted.push(socket), () => undefined, async (options) => {
    opened.push(options.reusePort)
    if (options.reusePort && refusal !== undefined) throw refusal
    return listening(options)
  })
  return { opened, accepted, acceptors }
}

const refusal = (code: string) => Object.assign(new Error(code), { code })
const HERE = { host: '127.0.0.1', port: 0 } as const

async function ask(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  await once(socket, 'close')
}

t.test('a system where ports cannot be shared has one listener, which answers', async (t) => {
  const { opened, accepted, acceptors } = stage(refusal('ENOTSUP'))
  const { port } = await acceptors.listen(HERE)
  t.same(opened, [true, false])
  await ask(port)
  await ask(port)
  t.equal(accepted.length, 2)
  for (const socket of accepted) socket.destroy()
  await acceptors.close()
})

t.test('whoever asks to join others is told that it cannot', async (t) => {
  const { opened, acceptors } = stage(refusal('ENOTSUP'))
  await t.rejects(acceptors.listen({ ...HERE, reusePort: true }), { code: 'ENOTSUP' })
  t.same(opened, [true])
  await acceptors.close()
})

t.test('every other refusal is the answer, and nothing else is tried', async (t) => {
  const { opened, acceptors } = stage(refusal('EACCES'))
  await t.rejects(acceptors.listen(HERE), { code: 'EACCES' })
  t.same(opened, [true])
  await acceptors.close()
})

t.test('a port that is asked for by number is asked for alone first', async (t) => {
  const [any, numbered] = [stage(), stage()]
  await any.acceptors.listen(HERE)
  await numbered.acceptors.listen({ host: HERE.host, port: await freePort() })
  t.same([any.opened, numbered.opened], [Array(8).fill(true), [false, ...Array(8).fill(true)]])
  await Promise.all([any.acceptors.close(), numbered.acceptors.close()])
})
