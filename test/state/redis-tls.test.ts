import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { connectRedis } from '../../src/state/redis-connection.ts'
import type { RedisTls } from '../../src/state/redis-settings.ts'
import { freePort } from '../free-port.ts'
import { REDIS_ABSENT, startServer, until } from './redis-server.ts'

const OPENSSL_ABSENT = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

t.test('a server with a certificate is believed only where its authority and its name are right', { skip: REDIS_ABSENT || OPENSSL_ABSENT }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tls-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=redis.example', '-addext', 'subjectAltName=DNS:redis.example'], { stdio: 'ignore' })
  const port = await freePort()
  await startServer(t, [['tls-port', String(port)], ['tls-cert-file', cert], ['tls-key-file', key], ['tls-ca-cert-file', cert], ['tls-auth-clients', 'no']])
  const open = async (tls: RedisTls) => {
    const opened = await connectRedis({ url: `rediss://127.0.0.1:${port}`, tls }, { use: 'publish', name: 'tls', now: Date.now, random: Math.random })
    t.teardown(() => opened.close())
    // That a slow machine came too late says nothing; it is tried again.
    await until(() => opened.state.up || !/^$|TIMEOUT|TIMEDOUT/.test(opened.state.code ?? ''))
    return opened.state
  }
  t.match(await open({ caFile: cert, serverName: 'redis.example' }), { up: true })
  t.match(await open({ serverName: 'redis.example' }), { up: false, code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  t.match(await open({ caFile: cert }), { up: false, code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})
