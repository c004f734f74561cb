import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { connectRedis } from '../../src/state/redis-connection.ts'
import type { RedisTls } from '../../src/state/redis-settings.ts'
import { freePort } from '../free-port.ts'
import { REDIS_ABSENT, startServer, until } from './redis-server.ts'

const OPENSSL_ABSENT = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

/** @returns its certificate, which is its own authority */
async function startTls(t: Pick<Test, 'teardown'>): Promise<{ readonly url: string, readonly cert: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=redis.example', '-addext', 'subjectAltName=DNS:redis.example'], { stdio: 'ignore' })
  const port = await freePort()
  await startServer(t, [['tls-port', String(port)], ['tls-cert-file', cert], ['tls-key-file', key], ['tls-ca-cert-file', cert], ['tls-auth-clients', 'no']])
  return { url: `rediss://127.0.0.1:${port}`, cert }
}

t.test('a server with a certificate is believed only where its authority and its name are right', { skip: REDIS_ABSENT || OPENSSL_ABSENT }, async (t) => {
  const { url, cert } = await startTls(t)
  const open = async (tls: RedisTls) => {
    const opened = await connectRedis({ url, tls }, { use: 'publish', name: 'tls', now: Date.now, random: Math.random })
    t.teardown(() => opened.close())
    // That a slow machine came too late says nothing; it is tried again.
    await until(() => opened.state.up || !/^$|TIMEOUT|TIMEDOUT/.test(opened.state.code ?? ''))
    return opened.state
  }
  t.match(await open({ caFile: cert, serverName: 'redis.example' }), { up: true })
  t.match(await open({ serverName: 'redis.example' }), { up: false, code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  t.match(await open({ caFile: cert }), { up: false, code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

// An error that nobody listens for ends the process, and fails this test.
t.test('a connection that is closed while the two sides still greet each other ends in peace', { skip: REDIS_ABSENT || OPENSSL_ABSENT }, async (t) => {
  const { url, cert } = await startTls(t)
  await Promise.all(Array.from({ length: 60 }, async (_, i) => {
    const link = await connectRedis({ url, tls: i % 2 === 0 ? { caFile: cert } : { caFile: cert, serverName: 'redis.example' } }, { use: 'publish', name: 'tls', now: Date.now, random: () => 0 })
    for (let turn = 0; turn < i * 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    await link.close()
  }))
  t.pass('60 times')
})
