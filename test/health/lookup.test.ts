import type { LookupAddress } from 'node:dns'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { shared } from '../../src/health/lookup.ts'
import type { Resolve } from '../../src/health/lookup.ts'
import { probe } from '../../src/health/probe.ts'
import { targetNamed } from '../log/decisions.ts'

t.test('a name is looked up once for all who wait, and anew for who comes later', async (t) => {
  const asked: { name: string; answer: (addresses: LookupAddress[]) => void }[] = []
  const resolve = shared((name, _options, callback) => void asked.push({ name, answer: (addresses) => callback(null, addresses) }))
  const got: string[] = []
  const ask = (name: string, who: string) => resolve(name, {}, (_error, [first]) => got.push(`${who} ${first?.address}`))
  ask('a.example', 'one')
  ask('a.example', 'two')
  ask('b.example', 'three')
  t.same(asked.map(({ name }) => name), ['a.example', 'b.example'])
  asked[0]?.answer([{ address: '192.0.2.1', family: 4 }])
  t.same(got, ['one 192.0.2.1', 'two 192.0.2.1'])
  ask('a.example', 'four')
  t.equal(asked.length, 3)
})

t.test('a name server that hangs does not gather an ever longer queue', async (t) => {
  let calls = 0
  let waiting: (() => void) | undefined
  let now = 0
  const resolve = shared((_name, _options, callback) => {
    calls++
    waiting = () => callback(null, [])
  }, () => now)
  let answered = 0
  for (let i = 0; i < 10_000; i++) {
    now += 2000
    resolve('a.example', {}, () => answered++)
  }
  t.equal(calls, 1)
  waiting?.()
  t.equal(answered, 30, 'those of the last minute')
})

t.test('a hundred targets on one host name are all told what it is, also by a slow name server', async (t) => {
  let answer: (() => void) | undefined
  const resolve = shared((_name, _options, callback) => void (answer = () => callback(null, [{ address: '192.0.2.1', family: 4 }])))
  let told = 0
  for (let i = 0; i < 100; i++) resolve('cdn.example', {}, (_error, [first]) => (first?.address === '192.0.2.1' ? told++ : undefined))
  answer?.()
  t.equal(told, 100)
})

t.test('each family is connected to by itself, on the addresses that the name has of it', async (t) => {
  const seen: string[] = []
  const servers: [address: string, port: number][] = []
  let port = 0
  for (const address of ['127.0.0.1', '::1']) {
    const server = createServer((request, response) => {
      seen.push(request.socket.localFamily ?? '')
      response.end()
    })
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, address, () => resolve(true))
    })
    if (!listening) continue
    port = (server.address() as AddressInfo).port
    servers.push([address, port])
    t.teardown(() => server.close())
  }
  const all = servers.map(([address]) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const resolve: Resolve = (_name, _options, callback) => setImmediate(callback, null, all)
  const spec = { target: targetNamed(0, 'edge'), url: `http://edge.example:${port}/`, allowInternal: true }
  t.equal((await probe({ ...spec, family: 'ipv4' }, undefined, resolve)).why, 'ok')
  t.equal((await probe({ ...spec, family: 'ipv6' }, undefined, resolve)).why, servers.length === 2 ? 'ok' : 'no_such_family')
  t.same(seen, servers.map(([address]) => (address.includes(':') ? 'IPv6' : 'IPv4')))
  const only = (address: string): Resolve => (_name, _options, callback) => setImmediate(callback, null, [{ address, family: address.includes(':') ? 6 : 4 }])
  t.equal((await probe({ ...spec, family: 'ipv6' }, undefined, only('127.0.0.1'))).why, 'no_such_family')
  t.equal((await probe({ ...spec, family: 'ipv4' }, undefined, only('::1'))).why, 'no_such_family')
  t.equal((await probe({ ...spec, url: `http://127.0.0.1:${port}/`, family: 'ipv6' })).why, 'no_such_family')
  t.equal((await probe({ ...spec, url: 'http://[::1]:1/', family: 'ipv4' })).why, 'no_such_family')
})

t.test('an internal address of the other family condemns the name all the same', async (t) => {
  const resolve: Resolve = (_name, _options, callback) => setImmediate(callback, null, [{ address: '2606:4700::1', family: 6 }, { address: '10.0.0.1', family: 4 }])
  t.equal((await probe({ target: targetNamed(0, 'edge'), url: 'http://edge.example/', family: 'ipv6' }, undefined, resolve)).why, 'internal_address')
})
