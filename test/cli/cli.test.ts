// The command line as a user types it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..')

function wissel(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(join(root, 'bin', 'wissel'), args, { cwd: root, encoding: 'utf8', timeout: 240_000 })
  return { status, out: stdout, err: stderr }
}

const directory = mkdtempSync(join(tmpdir(), 'wissel-'))
cpSync(join(root, 'config'), directory, { recursive: true })
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

t.test('help says what there is', async (t) => {
  const { status, out } = wissel('--help')
  t.equal(status, 0)
  for (const command of ['serve', 'check', 'explain']) t.match(out, command)
})

t.test('the archive has a help of its own', async (t) => {
  const { status, out } = wissel('archive', '--help')
  t.equal(status, 0)
  for (const command of ['keygen', 'verify', 'ship', 'open', 'shred']) t.match(out, command)
})

t.test('the shipped configuration is usable', async (t) => {
  t.same(wissel('check', 'config'), { status: 0, out: 'usable: 1 service, 6 targets, 2 zone entries, 1 policy\n', err: '' })
})

t.test('a wrong configuration gives status 1 and every problem with its place', async (t) => {
  const wrong = mkdtempSync(join(tmpdir(), 'wissel-'))
  t.teardown(() => rmSync(wrong, { recursive: true, force: true }))
  cpSync(directory, wrong, { recursive: true })
  writeFileSync(join(wrong, 'services', 'second.yaml'), 'service: second\nsteps:\n  - { name: a, targets: [nowhere], select: fastest }\n')
  writeFileSync(join(wrong, 'wissel.yaml'), 'listen: 8080\ntrustedProxies: [10.0.0.0]\n')
  const { status, out } = wissel('check', wrong)
  t.equal(status, 1)
  t.match(out, /services\/second\.yaml:3: steps\[0\]\.select: "fastest" is not one of/)
  t.match(out, /wissel\.yaml:1: listen: 8080 is not text/)
  t.match(out, /services\/second\.yaml:3: steps\[0\]\.targets\[0\]: there is no target "nowhere"/)
  t.match(out, /wissel\.yaml:2: trustedProxies\[0\]: "10\.0\.0\.0" is not a network/)
  t.match(out, /\n4 problems\n$/)
  const json = wissel('check', wrong, '--json')
  t.equal(json.status, 1)
  t.match(JSON.parse(json.out), { usable: false, problems: [{ file: String, line: Number, message: String }] })
})

t.test('a router does not start on a wrong configuration, and says why', async (t) => {
  const wrong = mkdtempSync(join(tmpdir(), 'wissel-'))
  t.teardown(() => rmSync(wrong, { recursive: true, force: true }))
  const { status, err } = wissel('serve', '--config', wrong)
  t.equal(status, 1)
  t.match(err, /there is no service; add services\/NAME\.yaml/)
})

t.test('a folder that is not there is said to be not there', async (t) => {
  const { status, err } = wissel('check', join(directory, 'nowhere'))
  t.equal(status, 1)
  t.match(err, /cannot be read \(ENOENT\); give --config DIR/)
})

t.test('explain goes on without a geo database, as a router does, and says so', async (t) => {
  const other = mkdtempSync(join(tmpdir(), 'wissel-'))
  t.teardown(() => rmSync(other, { recursive: true, force: true }))
  cpSync(directory, other, { recursive: true })
  writeFileSync(join(other, 'wissel.yaml'), 'geo: { database: nowhere.mmdb, asnDatabase: torn.mmdb }\n')
  writeFileSync(join(other, 'torn.mmdb'), 'hello')
  const { status, out, err } = wissel('explain', '--config', other, '--ip', '192.0.2.1', '--url', 'https://demo.example/a.m3u8')
  t.equal(status, 0)
  t.match(out, /client +by zone: country NL/)
  t.match(err, /nowhere\.mmdb cannot be used \(ENOENT\).*\n.*torn\.mmdb cannot be used \(.*metadata/)
})

t.test('a path that begins without a slash is a mistake of usage', async (t) => {
  t.match(wissel('check', 'config', '--live', '--path', 'a.m3u8'), { status: 1, err: /--path must begin with \// })
})

t.test('serve takes its directory as the other commands do', async (t) => {
  const nowhere = join(directory, 'nowhere')
  t.match(wissel('serve', nowhere), { status: 1, err: `the configuration directory ${nowhere} cannot be read (ENOENT)` })
  t.match(wissel('serve', directory, '--config', nowhere).err, /--config and the directory after the command differ; give one of them/)
  t.match(wissel('check', 'config', '--config', './config/'), { status: 0 }, 'the same one, written otherwise')
})

t.test('a word too many is a mistake, and never left unread', async (t) => {
  for (const args of [['serve', 'config', 'more'], ['check', 'config', 'more'], ['routers', 'more'], ['unfreeze', 'more'], ['log', 'verify', 'config', 'more'], ['verify', 'log', 'more'], ['rollback', '1', 'more'], ['target', 'drain', 'a', 'more']]) {
    t.match(wissel(...args), { status: 1, err: new RegExp(`^wissel: ${args[0] ?? ''}( verify)? does not take "more"; see wissel --help\\n$`) }, args.join(' '))
  }
})

t.test('a router that cannot start says what is wrong and where', async (t) => {
  const other = mkdtempSync(join(tmpdir(), 'wissel-'))
  t.teardown(() => rmSync(other, { recursive: true, force: true }))
  cpSync(directory, other, { recursive: true })
  writeFileSync(join(other, 'short'), 'short\n')
  const archive = `archive: { recipients: no-list, recipientsKey: "ed25519:${'A'.repeat(43)}", signingKey: no-key, directory: sealed }`
  const rows: [settings: string, args: string[], message: RegExp][] = [
    ['', ['--redis', 'localhost:6379'], /^wissel: the state cannot be followed: the redis address is not usable; give redis:\/\/HOST:PORT/],
    ['redis: { url: "redis://127.0.0.1:1", passwordFile: no-password }', [], /the file no-password of the redis settings cannot be read \(ENOENT\)/],
    [archive, [], /the sealed archive cannot be written \(archive\.recipients "no-list" cannot be read: ENOENT\)/],
    ['admin: { tokenFile: no-token }', [], /the admin listener 127\.0\.0\.1:9090 has no token that can be used \("no-token" cannot be read: ENOENT\)/],
    ['admin: { tokenFile: short }', [], /\("short" needs at least 16 characters in its first line\)/],
    ['usage: { tokenFile: no-token, path: usage }', [], /usage cannot be used \(its tokenFile "no-token" cannot be read: ENOENT\)/],
    ['log: { sinks: [{ type: segments, directory: s }, { type: redis, url: "localhost" }] }', [], /wissel\.yaml:1: log\.sinks\[1\]\.url: is not usable; give redis:/],
    ['', ['--listen', '127.0.0.1'], /^wissel: --listen: "127\.0\.0\.1" .*use HOST:PORT.*; see wissel --help\n$/],
    ['', ['--listen', '127.0.0.1:99999'], /^wissel: --listen: /],
    ['', ['--admin', ':9090'], /^wissel: --admin: /],
  ]
  for (const [settings, args, message] of rows) {
    writeFileSync(join(other, 'wissel.yaml'), settings)
    const { status, err } = wissel('serve', other, '--state-dir', join(other, 'var'), ...(args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']), ...args)
    t.equal(status, 1, settings)
    t.match(err, message)
  }
})

t.test('a reader that has seen enough is no fault of the command', async (t) => {
  for (const [args, status] of [[['--help'], 0], [['check', 'config'], 0], [['check', 'config', '--json'], 0], [['explain', '--config', directory, '--ip', '192.0.2.1', '--url', 'https://other.example/a'], 2]] as const) {
    const child = spawn(join(root, 'bin', 'wissel'), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let err = ''
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    await once(child, 'close')
    t.same({ status: child.exitCode, err }, { status, err: '' }, args.join(' '))
  }
})

t.test('explain tells the decision for people and for programs', async (t) => {
  const args = ['explain', '--config', directory, '--ip', '212.27.48.10', '--url', 'https://demo.example/live/master.m3u8?token=secret-7']
  const text = wissel(...args)
  t.equal(text.status, 0)
  t.match(text.out, /^edge-par-1 \(redirect, 302\)/)
  t.match(text.out, /cdn-global .* rejected: jurisdiction \(parent, logs, foreign\)/)
  const json = wissel(...args, '--json')
  t.match(JSON.parse(json.out), { v: 1, target: 'edge-par-1', outcome: 'redirect', client: { localization: 'geo', country: 'FR' }, location: 'https://127.0.0.1:8104/live/master.m3u8?token=secret-7' })
})

t.test('explain has a status of its own for a viewer who is sent nowhere', async (t) => {
  const { status, out } = wissel('explain', '--config', directory, '--ip', '212.27.48.10', '--url', 'https://other.example/live/master.m3u8')
  t.equal(status, 2)
  t.match(out, /unknown_service/)
})

t.test('what cannot be understood is said in one line', async (t) => {
  for (const args of [['frobnicate'], ['serve', '--frob'], ['explain', '--ip', '1.2.3.4'], ['explain', '--ip', 'x', '--url', 'https://a/'], ['explain', '--ip', '1.2.3.4', '--url', 'a']]) {
    const { status, err } = wissel(...args)
    t.equal(status, 1, args.join(' '))
    t.match(err, /^wissel: .*; see wissel --help\n$/)
  }
})
