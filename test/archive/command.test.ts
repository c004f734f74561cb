// The archive as its officers use it: real keys, the sealing thread, and every way in that must not work.
import fc from 'fast-check'
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readPublicKey, readSigningKey } from '../../src/archive/keys.ts'
import { readRecipients } from '../../src/archive/recipients.ts'
import { seal, unseal } from '../../src/archive/seal.ts'
import { WorkerSealer } from '../../src/archive/sealer.ts'
import { ArchiveWriter } from '../../src/archive/writer.ts'
import { archiveCommand } from '../../src/cli/archive.ts'
import { Clock } from '../log/clock.ts'
import { facts, filesUnder, hits, NOON } from './archive.ts'
import { bech32, CHARSET, guessesFrom } from './guesses.ts'

const root = t.testdir()
const [keys, local, kept, audit, routerKey] = [`${root}/keys`, `${root}/router/segments`, `${root}/kept`, `${root}/audit.log`, `${root}/router/signing.key`]
const HOUR = 3_600_000
const MIDNIGHT = Date.UTC(2026, 2, 2)
const CANARY = 'canary-agent-7f3a'

/** Everything that was said beside results. */
let said = ''

async function run(...args: readonly string[]): Promise<{ status: number, out: string, err: string }> {
  let out = ''
  let err = ''
  const status = await archiveCommand(args, { out: (text) => void (out += text), err: (text) => void (err += text), now: () => NOON, random: randomBytes, user: 'dpo' })
  said += err + (args[0] === 'open' ? '' : out)
  return { status, out, err }
}

const openArgs = ['open', '--archive', kept, '--key', `ams-1=${routerKey}.pub`, '--audit', audit, '--case', 'C-17']
const open = (at: string, window: string, ip: string, ...identities: readonly string[]) =>
  run(...openArgs, '--at', at, '--window', window, '--ip', ip, ...identities.flatMap((path) => ['--identity', path]))
const theList = () => ['--recipients', `${root}/router/recipients.txt`, '--recipients-key', readFileSync(`${keys}/list.key.pub`, 'utf8').trim()]
const verify = (...more: readonly string[]) => run('verify', '--archive', kept, '--key', `ams-1=${routerKey}.pub`, ...more)

/** Times and addresses of what was asked of the router: two days, many people, one of them often. */
const asked = Array.from({ length: 600 }, (_, i) => ({
  time: NOON + i * 37_000 + (i % 7),
  address: i % 3 === 0 ? '203.0.113.7' : i % 3 === 1 ? `198.51.100.${i % 250}` : '2001:db8::7',
}))

async function write(records: readonly { time: number, address: string }[]): Promise<ArchiveWriter> {
  const clock = new Clock()
  clock.now = NOON
  const setTimer = (run: () => void, ms: number) => (ms === 60_000 ? clock.setTimer(run, ms) : (() => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  })())
  const writer = new ArchiveWriter({
    router: 'ams-1',
    directory: local,
    recipients: readRecipients(readFileSync(`${root}/router/recipients.txt`, 'utf8'), readPublicKey(readFileSync(`${keys}/list.key.pub`, 'utf8'))),
    signingKey: readSigningKey(readFileSync(routerKey, 'utf8')),
    sealer: new WorkerSealer(setTimer),
    setTimer,
    now: () => NOON,
    // A slow disk is waited for.
    closeMs: 120_000,
  })
  let hour = 0
  for (const { time, address } of records) {
    if (Math.floor(time / HOUR) !== hour) writer.flush()
    hour = Math.floor(time / HOUR)
    writer.add(facts({ time, address, userAgent: CANARY, query: 'token=canary-token' }))
  }
  await writer.close()
  return writer
}

/** Both officers' ceremonies, and what is made of their public lists. Options of keygen apply to both. */
async function ceremonies(directory: string, ...more: readonly string[]): Promise<{ status: number, out: string, err: string }> {
  for (const officer of ['alice', 'bob']) {
    const made = await run('keygen', '--out', directory, '--officer', officer, ...more)
    if (made.status !== 0 || made.err !== '') return made
  }
  return run('recipients', `${directory}/alice.public`, `${directory}/bob.public`, '--out', directory)
}

t.test('keygen makes keys that only their officer can read', async (t) => {
  t.match(await ceremonies(keys, '--days', '3'), { status: 0, err: '', out: /^alice must have read out: .*\nbob .*\n3 days added, 3 in the list, the last is 2026-03-03\n/ })
  t.match(await run('keygen', '--router-key', routerKey), { status: 1, err: /ENOENT/ })
  mkdirSync(`${root}/router`)
  t.match(await run('keygen', '--router-key', routerKey), { status: 0, out: /^ed25519:/ })
  t.match(await run('keygen', '--router-key', routerKey), { status: 1, err: /never replaced/ })
  const publicHalf = readFileSync(`${routerKey}.pub`, 'utf8')
  rmSync(`${routerKey}.pub`)
  t.match(await run('keygen', '--router-key', routerKey), { status: 0, out: publicHalf }, 'a run that broke off before the public half can be repeated')
  t.equal(readFileSync(`${routerKey}.pub`, 'utf8'), publicHalf)
  cpSync(`${keys}/recipients.txt`, `${root}/router/recipients.txt`)
  for (const path of [...['alice', 'bob'].flatMap((officer) => ['01', '02', '03'].map((day) => `${keys}/${officer}/2026-03-${day}.key`)), `${keys}/list.key`, routerKey]) {
    t.equal(statSync(path).mode & 0o777, 0o600, path.slice(root.length))
  }
  const before = readFileSync(`${keys}/alice/2026-03-02.key`, 'utf8')
  t.match(await run('keygen', '--days', '4', '--out', keys, '--officer', 'alice'), { status: 0, out: /^1 days made, 4 in the list, the last is 2026-03-04/ })
  t.equal(readFileSync(`${keys}/alice/2026-03-02.key`, 'utf8'), before, 'a day keeps the key that it has')
  t.match(await ceremonies(keys, '--days', '4'), { status: 0, err: '', out: /\n1 days added, 4 in the list/ })
  for (const bad of [['--days', '0'], ['--days', '401'], ['--days', '2', '--from', '2026-02-28'], ['--days', '2', '--officer', 'alice,bob'], ['--days', '2', '--officer', '../alice']]) {
    t.match(await run('keygen', '--out', keys, '--officer', 'alice', ...bad), { status: 1 }, bad.join(' '))
  }
})

t.test('a keygen that broke off while it wrote can be repeated, and a shred takes what it left', async (t) => {
  const out = `${root}/broke-off`
  mkdirSync(out)
  const args = ['archive', 'keygen', '--out', out, '--officer', 'alice', '--days', '1']
  const main = `${import.meta.dirname}/../../src/main.ts`
  // No file can grow beyond nothing, as on a full disk.
  const { status } = spawnSync('sh', ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, main, ...args], { env: { ...process.env, NODE_COMPILE_CACHE: '' } })
  t.not(status, 0)
  t.same(filesUnder(out).filter((path) => path.endsWith('.key')), [], 'no key that is none')
  t.equal(spawnSync(process.execPath, [main, ...args]).status, 0)
  const [made = ''] = filesUnder(out).filter((path) => path.endsWith('.key'))
  const day = made.slice(-14, -4)
  const left = `${out}/alice/.${day}.key.0123456789abcdef.part`
  cpSync(made, left)
  t.match(await run('shred', day, '--keys', out), { status: 0 })
  t.notOk(existsSync(left) || existsSync(made))
})

t.test('a list is signed with post-quantum keys that can be sealed to, and with no others', async (t) => {
  const from = `${root}/kinds`
  for (const officer of ['alice', 'bob']) await run('keygen', '--out', from, '--officer', officer, '--days', '2')
  const bob = readFileSync(`${from}/bob.public`, 'utf8')
  const key = /age1\S+/.exec(bob)?.[0] ?? ''
  for (const [what, other] of [
    ['X25519 alone', 'age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa'],
    ['letters', `age1${'q'.repeat(60)}`],
    ['letters after the right beginning', `age1pq1${'q'.repeat(1900)}`],
    ['a letter changed', `${key.slice(0, -1)}${key.endsWith('q') ? 'p' : 'q'}`],
  ] as const) {
    writeFileSync(`${from}/bob.public`, bob.replace(key, other))
    t.match(await run('recipients', `${from}/alice.public`, `${from}/bob.public`, '--out', `${from}/list`), { status: 1, out: '', err: /the key of bob for 2026-03-01 is not a post-quantum key of age/ }, what)
  }
  writeFileSync(`${from}/bob.public`, bob)
  t.match(await run('recipients', `${from}/alice.public`, `${from}/bob.public`, '--out', `${from}/list`), { status: 0, out: /never on a router, .*\/kinds\/list\/list\.key\n/ })
})

t.test('each officer makes keys on a machine of their own, and no machine ever holds those of both', async (t) => {
  const [ofAlice, ofBob, ofTheList] = [`${root}/machine-of-alice`, `${root}/machine-of-bob`, `${root}/machine-of-the-list`]
  const made = { alice: await run('keygen', '--out', ofAlice, '--officer', 'alice', '--days', '3'), bob: await run('keygen', '--out', ofBob, '--officer', 'bob', '--days', '2', '--from', '2026-03-02') }
  mkdirSync(ofTheList)
  for (const [officer, from] of [['alice', ofAlice], ['bob', ofBob]] as const) {
    t.notMatch(readFileSync(`${from}/${officer}.public`, 'utf8'), /SECRET/)
    cpSync(`${from}/${officer}.public`, `${ofTheList}/${officer}.public`)
  }
  const args = ['recipients', `${ofTheList}/bob.public`, `${ofTheList}/alice.public`, '--out', ofTheList] as const
  const { status, out, err } = await run(...args)
  t.equal(status, 0)
  t.match(out, /\n2 days added, 2 in the list, the last is 2026-03-03\n/)
  t.match(err, /^1 days are left out, from 2026-03-01 on: one officer alone/)
  for (const officer of ['alice', 'bob'] as const) {
    const [, fingerprint = 'none'] = /read out: ([0-9a-f ]{39})\n/.exec(made[officer].out) ?? []
    t.ok(out.includes(`${officer} must have read out: ${fingerprint}\n`), 'what an officer reads out is what the list is made of')
  }
  const holding = (machine: string) => filesUnder(machine).filter((path) => /AGE-SECRET-KEY/.test(readFileSync(path, 'latin1'))).map((path) => path.slice(machine.length + 1).split('/')[0])
  t.same([ofAlice, ofBob, ofTheList].map((machine) => [...new Set(holding(machine))]), [['alice'], ['bob'], []])

  const list = readRecipients(readFileSync(`${ofTheList}/recipients.txt`, 'utf8'), readPublicKey(readFileSync(`${ofTheList}/list.key.pub`, 'utf8')))
  const sealed = await seal(Buffer.from('a row'), list.recipientsFor('2026-03-02') ?? ['', ''])
  const [alice = '', bob = ''] = [`${ofAlice}/alice`, `${ofBob}/bob`].map((path) => /AGE-SECRET-KEY-\S+/.exec(readFileSync(`${path}/2026-03-02.key`, 'utf8'))?.[0])
  t.equal(Buffer.from(await unseal(sealed, [alice, bob])).toString(), 'a row')
  for (const one of [alice, bob]) await t.rejects(unseal(sealed, [one]), { name: 'ArchiveError' })

  t.match(await run('recipients', `${ofTheList}/alice.public`, `${ofTheList}/bob.public`, '--out', ofTheList), { status: 0, out: /\n0 days added, 2 in the list/ }, 'in another order it is the same list')
  t.match(await run('recipients', `${ofTheList}/alice.public`, `${ofTheList}/alice.public`, '--out', ofTheList), { status: 1, out: '', err: /both lists are of alice/ })
  const changed = readFileSync(`${ofTheList}/bob.public`, 'utf8')
  writeFileSync(`${ofTheList}/bob.public`, changed.replace('officer bob', 'officer carol'))
  t.match(await run(...args), { status: 1, out: '', err: /is of the officers bob,alice/ })
  rmSync(`${root}/machine-of-nobody`, { recursive: true, force: true })
  t.match(await run('keygen', '--out', `${root}/machine-of-nobody`, '--officer', 'bob', '--days', '3'), { status: 0 })
  t.match(await run('recipients', `${ofTheList}/alice.public`, `${root}/machine-of-nobody/bob.public`, '--out', ofTheList), { status: 1, out: '', err: /2026-03-02 has other keys/ }, 'a day keeps the keys that it has')
  const stolen = `${changed.split('\n').slice(0, 2).join('\n')}\n${readFileSync(`${ofTheList}/alice.public`, 'utf8').split('\n').slice(2).join('\n')}`
  writeFileSync(`${ofTheList}/bob.public`, stolen)
  t.match(await run('recipients', `${ofTheList}/alice.public`, `${ofTheList}/bob.public`, '--out', `${root}/another-list`), { status: 1, out: '', err: /two keys of its own/ }, 'one officer as both')
  for (const wrong of ['', 'x', changed.replace('2026-03-03', '2026-03-02'), changed.replace('2026-03-03', '2026-02-30'), changed.replace('age1', 'AGE-SECRET-KEY-1'), changed.slice(0, -1), changed.replace(' age1', ' age1 age1')]) {
    writeFileSync(`${ofTheList}/bob.public`, wrong)
    t.match(await run(...args), { status: 1, out: '', err: /public list/ }, 'what is no such list')
  }
  t.match(await run('recipients', `${ofAlice}/alice/2026-03-02.key`, `${ofTheList}/alice.public`, '--out', ofTheList), { status: 1, out: '', err: /not the public list/ })
  await t.rejects(run('recipients', `${ofTheList}/alice.public`, '--out', ofTheList), { code: 'WISSEL_USAGE' })
})

t.test('the router writes, ships and proves what it wrote', async (t) => {
  const writer = await write(asked)
  t.equal(writer.written, asked.length)
  t.match(await run('ship', kept, '--from', local), { status: 0, err: '' })
  t.match(await verify(), { status: 0, err: '', out: new RegExp(`^ams-1: ${writer.segments} segments, ${asked.length} records, 0 past their retention, 0 problems`) })
})

t.test('no file that the router wrote holds anything of a request, in any usual encoding', async (t) => {
  t.same(hits(`${root}/router`, [CANARY, 'canary-token', '203.0.113.7', '2001:db8::7', 'master.m3u8', 'omroep-live']), [])
  t.same(hits(kept, [CANARY, 'canary-token', '203.0.113.7', '2001:db8::7', 'master.m3u8', 'omroep-live', 'edge-fra-2']), [])
  writeFileSync(`${root}/router/planted`, `xx${Buffer.from('xxx' + CANARY).toString('base64')}`)
  t.equal(hits(`${root}/router`, [CANARY]).length, 1, 'the search finds what is there')
  rmSync(`${root}/router/planted`)
})

t.test('the router cannot read what it wrote: no file of its own opens a segment, however it is read', async (t) => {
  const segment = readFileSync(filesUnder(kept).find((path) => path.endsWith('.age')) ?? '')
  const readable = [...filesUnder(`${root}/router`), ...filesUnder(kept)]
  t.ok(readable.length > 5)
  const { identities, words } = guessesFrom(readable)
  t.ok(identities.length > 200, `${identities.length} identities tried`)
  const officers = ['alice', 'bob'].map((officer) => /AGE-SECRET-KEY-\S+/.exec(readFileSync(`${keys}/${officer}/2026-03-01.key`, 'utf8'))?.[0] ?? '')
  for (let i = 0; i < identities.length; i += 1000) {
    const batch = identities.slice(i, i + 1000)
    await t.rejects(unseal(segment, batch), { name: 'ArchiveError' })
    t.ok(await unseal(segment, [...batch, ...officers]), 'all of them were read as keys: with the officers\' it opens')
    for (const one of officers) await t.rejects(unseal(segment, [...batch, one]), { name: 'ArchiveError' }, 'nor does any stand for one officer')
  }
  for (const candidate of words.slice(0, 500)) await t.rejects(unseal(segment, [candidate]), { name: 'ArchiveError' })
})

t.test('the made-up identities are of the form that age reads', async (t) => {
  const secret = /AGE-SECRET-KEY-PQ-1\S+/.exec(readFileSync(`${keys}/alice/2026-03-01.key`, 'utf8'))?.[0] ?? ''
  const digits = [...secret.slice(secret.lastIndexOf('1') + 1, -6).toLowerCase()].map((letter) => CHARSET.indexOf(letter))
  const seed = Buffer.from(BigInt(`0b${digits.map((digit) => digit.toString(2).padStart(5, '0')).join('').slice(0, 256)}`).toString(16).padStart(64, '0'), 'hex')
  t.equal(bech32('AGE-SECRET-KEY-PQ-', seed), secret)
})

t.test('two approvers open a window of one address, and the audit log says so without the address', async (t) => {
  const args = [...openArgs, '--at', '2026-03-01T20:41:00Z', '--window', '20m', '--ip', '203.0.113.7', '--identity', `${keys}/alice`, '--identity', `${keys}/bob`]
  t.match(await run(...args, ...theList()), { status: 1, out: '', err: /check its path; the first line of a new one needs open --new-audit/ }, 'a mistyped path begins no log')
  const { status, out, err } = await run(...args, ...theList(), '--new-audit')
  const expected = asked.filter(({ time, address }) => address === '203.0.113.7' && time >= NOON && time < NOON + 20 * 60_000)
  t.equal(status, 0)
  t.same(out.trim().split('\n').map((line) => JSON.parse(line).time), expected.map(({ time }) => time))
  t.match(out, new RegExp(`"agent":"${CANARY}"`))
  t.notMatch(out, /canary-token|198\.51\.100|2001:db8/)
  t.match(err, /rows from 1 segments; for the file of the case: nonce [0-9a-f]{64}/, 'only the hour of the window was decrypted')
  const entry = JSON.parse(readFileSync(audit, 'utf8').trim().split('\n').at(-1) ?? '')
  t.match(entry, { seq: 1, who: 'dpo', case: 'C-17', outcome: 'opened', rows: expected.length, window: ['2026-03-01T20:31:00.000Z', '2026-03-01T20:51:00.000Z'] })
  t.match(entry.approvers, [/^alice [0-9a-f]{16}$/, /^bob [0-9a-f]{16}$/])
  t.match(entry.list, /^[0-9a-f]{64}$/)
  t.equal(entry.segments.length, 1)
  t.notMatch(readFileSync(audit, 'utf8'), /203\.0\.113/)
  t.match(await run('verify', '--audit', audit), { status: 0, out: /1 entries, whole/ })
})

t.test('the audit log names officers by the signed list, never by what an identity says of itself', async (t) => {
  const entered = () => JSON.parse(readFileSync(audit, 'utf8').trim().split('\n').at(-1) ?? '')
  const as = async (name: string, officer: string) => {
    mkdirSync(`${root}/as-${name}`, { recursive: true })
    writeFileSync(`${root}/as-${name}/2026-03-01.key`, readFileSync(`${keys}/${officer}/2026-03-01.key`, 'utf8').replace(`officer: ${officer}`, `officer: ${name}`))
    return `${root}/as-${name}`
  }
  const args = (...identities: readonly string[]) => [...openArgs, '--at', '2026-03-01T20:41:00Z', '--window', '20m', '--ip', '203.0.113.7', ...identities.flatMap((path) => ['--identity', path])]
  const renamed = [await as('mallory', 'alice'), await as('trudy', 'bob')]
  t.match(await run(...args(...renamed), ...theList()), { status: 0, err: /^(?!.*will not name)/s })
  t.match(entered().approvers, [/^alice /, /^bob /])
  t.match(await run(...args(...renamed)), { status: 0, err: /^the audit log will not name the officers; give the signed list/m })
  t.match(entered(), { approvers: [/^\? [0-9a-f]{16}$/, /^\? [0-9a-f]{16}$/], list: null })
  t.match(await run(...args(`${keys}/alice`, await as('alice2', 'alice')), ...theList()), { status: 1, out: '', err: /two officers/ })

  t.equal((await run('keygen', '--out', `${root}/carol`, '--officer', 'carol', '--days', '1')).status, 0)
  for (const list of [theList(), []]) {
    for (const given of [[`${keys}/alice`, `${keys}/bob`, `${root}/carol/carol`], [`${root}/carol/carol`, `${keys}/bob`]]) {
      t.match(await run(...args(...given), ...list), { status: 1, out: '', err: /neither officer of the list|two officers and no others|does not open/ }, `${given.length} with ${list.length === 0 ? 'no' : 'the'} list`)
      t.notMatch(entered().approvers.join(), /carol/)
    }
  }
  t.match(await run(...args(`${keys}/alice`, `${keys}/bob`), ...theList().with(-1, readFileSync(`${routerKey}.pub`, 'utf8').trim())), { status: 1, out: '', err: /not signed by the pinned key/ })
  await t.rejects(run(...args(`${keys}/alice`, `${keys}/bob`), ...theList().slice(0, 2)), { code: 'WISSEL_USAGE' }, 'a list without its key')
})

t.test('a list keeps its past days as long as their segments may be opened', async (t) => {
  const at = async (now: number, ...args: readonly string[]) => {
    let out = ''
    const status = await archiveCommand(args, { out: (text) => void (out += text), err: () => undefined, now: () => now, random: randomBytes, user: 'dpo' })
    return { status, out }
  }
  const later = `${root}/later`
  cpSync(keys, later, { recursive: true })
  const days = () => readRecipients(readFileSync(`${later}/recipients.txt`, 'utf8'), readPublicKey(readFileSync(`${later}/list.key.pub`, 'utf8'))).days
  for (const [after, first] of [[180, '2026-03-01'], [181, '2026-03-02']] as const) {
    for (const officer of ['alice', 'bob']) t.match(await at(NOON + after * 24 * HOUR, 'keygen', '--out', later, '--officer', officer, '--days', '1'), { status: 0 })
    t.match(await at(NOON + after * 24 * HOUR, 'recipients', `${later}/alice.public`, `${later}/bob.public`, '--out', later), { status: 0 })
    t.equal(days()[0], first)
  }
  t.match(await at(NOON + 190 * 24 * HOUR, 'recipients', `${later}/alice.public`, `${later}/bob.public`, '--out', later), { status: 1 }, 'past days alone are no list')
})

t.test('the last record of a segment is found too, though its minute is cut off', async (t) => {
  const last = asked.findLast(({ time }) => time < NOON + 29 * 60_000)
  const { out } = await open(new Date(last?.time ?? 0).toISOString(), '2s', last?.address ?? '', `${keys}/alice`, `${keys}/bob`)
  t.equal(out.trim().split('\n').length, 1)
  t.equal(JSON.parse(out).time, last?.time)
})

t.test('one approver is not enough, in whatever guise', async (t) => {
  for (const identities of [
    [], [`${keys}/alice`], [`${keys}/alice`, `${keys}/alice`], [`${keys}/bob`, `${keys}/bob/2026-03-01.key`],
    [`${keys}/alice`, `${root}/router/signing.key`], [`${keys}/alice`, `${root}/router/recipients.txt`], [`${keys}/alice`, `${keys}/bob/2026-03-02.key`], [`${keys}/alice`, `${keys}/nobody`],
  ]) {
    const { status, out } = await open('2026-03-01T20:41:00Z', '20m', '203.0.113.7', ...identities)
    t.equal(status, 1)
    t.equal(out, '')
  }
  cpSync(`${keys}/alice`, `${root}/forged`, { recursive: true })
  writeFileSync(`${root}/forged/2026-03-01.key`, readFileSync(`${keys}/alice/2026-03-01.key`, 'utf8').replace('officer: alice', 'officer: bob'))
  t.match(await open('2026-03-01T20:41:00Z', '20m', '203.0.113.7', `${keys}/alice`, `${root}/forged`), { status: 1, out: '', err: /two officers/ }, 'alice as bob')
  t.match(await open('2026-03-01T20:41:00Z', '20m', '203.0.113.7', `${keys}/alice`, `${keys}/alice`), { status: 1, out: '', err: /two officers/ })
  const { status } = await ceremonies(`${root}/others`, '--days', '1')
  t.equal(status, 0)
  t.match(await open('2026-03-01T20:41:00Z', '20m', '203.0.113.7', `${keys}/alice`, `${root}/others/bob`), { status: 1, out: '', err: /does not open/ })
  t.match(readFileSync(audit, 'utf8'), /"outcome":"refused"/, 'an attempt with keys is entered too')
})

t.test('there is no way to read much: a day at most, an address always', async (t) => {
  const both = [`${keys}/alice`, `${keys}/bob`]
  t.match(await open('2026-03-01T20:41:00Z', '25h', '203.0.113.7', ...both), { status: 1, out: '', err: /at most 24h/ })
  t.match(await open('2026-03-01T20:41:00Z', '0m', '203.0.113.7', ...both), { status: 1, out: '' })
  for (const [at, window, ip] of [['2026-03-01T20:41:00Z', '10m', '203.0.113.0/24'], ['2026-03-01T20:41:00Z', '10m', '*'], ['2026-03-01 20:41', '10m', '203.0.113.7'], ['2026-03-01T20:41:00Z', '1d', '203.0.113.7']] as const) {
    await t.rejects(open(at, window, ip, ...both), { code: 'WISSEL_USAGE' }, `${at} ${window} ${ip}`)
  }
  for (const missing of ['--ip', '--case', '--audit', '--at', '--window', '--archive']) {
    const args = [...openArgs, '--at', '2026-03-01T20:41:00Z', '--window', '10m', '--ip', '203.0.113.7', '--identity', both[0] ?? '', '--identity', both[1] ?? '']
    const position = args.indexOf(missing)
    await t.rejects(run(...args.toSpliced(position, 2)), { code: 'WISSEL_USAGE' }, `without ${missing}`)
  }
  t.match(await run(...openArgs.with(-1, '203.0.113.7'), '--at', '2026-03-01T20:41:00Z', '--window', '10m', '--ip', '203.0.113.7', '--identity', both[0] ?? '', '--identity', both[1] ?? ''), { status: 1, out: '', err: /no address/ }, 'an address as the name of the case')
  await t.rejects(run('open', '--ip=203.0.113.7', '--canary-203.0.113.7'), { code: 'WISSEL_USAGE', message: /^(?!.*203\.0\.113)/ })
})

t.test('the address can come from standard input, where no other account of the machine sees it', async (t) => {
  const args = [...openArgs, '--at', '2026-03-01T20:41:00Z', '--window', '20m', '--ip', '-', '--identity', `${keys}/alice`, '--identity', `${keys}/bob`]
  const asInput = async (input: string) => {
    let out = ''
    const status = await archiveCommand(args, { out: (text) => void (out += text), err: () => undefined, now: () => NOON, random: randomBytes, user: 'dpo', input: async () => input })
    return { status, out }
  }
  const { out } = await open('2026-03-01T20:41:00Z', '20m', '203.0.113.7', `${keys}/alice`, `${keys}/bob`)
  t.same(await asInput('203.0.113.7\n'), { status: 0, out })
  await t.rejects(asInput('203.0.113'), { code: 'WISSEL_USAGE', message: /^(?!.*203)/ })
  const main = `${import.meta.dirname}/../../src/main.ts`
  for (const [input, message] of [['203.0.113.7\n', /--at must be a time/], ['-\n', /neither IPv4 nor IPv6/]] as const) {
    t.match(spawnSync(process.execPath, [main, 'archive', ...args, '--at', 'noon'], { input, encoding: 'utf8' }).stderr, message, 'of a process')
  }
})

t.test('a time that no clock shows is refused, and the window is said', async (t) => {
  const both = [`${keys}/alice`, `${keys}/bob`]
  for (const at of ['2026-02-30T00:00Z', '2026-02-29T20:41:00Z', '2026-13-01T00:00Z', '2026-03-01T24:00:00Z', '2026-03-01T20:60Z', '2026-03-01T20:41:00', '2026-03-01T20:41:00Z Z', '20260301T204100Z', '+002026-03-01T20:41Z']) {
    await t.rejects(open(at, '10m', '203.0.113.7', ...both), { code: 'WISSEL_USAGE' }, at)
  }
  for (const at of ['2026-03-01T21:41+01:00', '2026-03-01T20:41Z', '2026-03-01T20:41:00.000Z']) {
    t.match(await open(at, '20m', '203.0.113.7', ...both), { status: 0, err: /^window: 2026-03-01T20:31:00.000Z to 2026-03-01T20:51:00.000Z, its end excluded$/m }, at)
  }
})

t.test('where the audit log cannot be written nothing comes out', async (t) => {
  const args = [...openArgs, '--at', '2026-03-01T20:41:00Z', '--window', '10m', '--ip', '203.0.113.7', '--identity', `${keys}/alice`, '--identity', `${keys}/bob`]
  t.match(await run(...args, '--audit', `${root}/nowhere/audit.log`), { status: 1, out: '', err: /ENOENT/ })
  writeFileSync(`${audit}.lock`, '')
  t.match(await run(...args), { status: 1, out: '', err: /EEXIST/ })
  rmSync(`${audit}.lock`)
  t.match(await run(...args, '--audit', `${root}/audlt.log`), { status: 1, out: '', err: /ENOENT/ })
  t.match(await run(...args, '--new-audit'), { status: 1, out: '', err: /has \d+ lines already/ })
  writeFileSync(`${root}/emptied.log`, '')
  t.match(await run(...args, '--audit', `${root}/emptied.log`), { status: 1, out: '', err: /is empty/ })
  writeFileSync(`${root}/bad.log`, readFileSync(audit, 'utf8').replace('"rows":', '"rows":1'))
  t.match(await run(...args, '--audit', `${root}/bad.log`), { status: 1, out: '', err: /does not follow/ })
  t.match(await run('verify', '--audit', `${root}/bad.log`), { status: 1 })
})

t.test('two who open at the same time are both entered, one after the other', async (t) => {
  const before = readFileSync(audit, 'utf8').split('\n').length
  const both = await Promise.all([1, 2, 3].map(() => open('2026-03-01T20:41:00Z', '20m', '203.0.113.7', `${keys}/alice`, `${keys}/bob`)))
  t.same(both.map(({ status }) => status), [0, 0, 0])
  t.equal(readFileSync(audit, 'utf8').split('\n').length, before + 3)
  t.match(await run('verify', '--audit', audit), { status: 0, out: /whole/ })
})

t.test('rows out are the rows in that match, for any window and address', async () => {
  const instant = fc.integer({ min: NOON - HOUR, max: NOON + 8 * HOUR })
  await fc.assert(fc.asyncProperty(instant, fc.integer({ min: 1, max: 1440 }), fc.constantFrom('203.0.113.7', '2001:DB8:0::7', '198.51.100.1', '192.0.2.1'), async (at, minutes, ip) => {
    const half = minutes * 30_000
    const touches = ['alice', 'bob'].every((officer) => [at - half, at + half - 1].every((time) => existsSync(`${keys}/${officer}/${new Date(time).toISOString().slice(0, 10)}.key`)))
    if (!touches) return
    const { status, out } = await open(new Date(at).toISOString(), `${minutes}m`, ip, `${keys}/alice`, `${keys}/bob`)
    const wanted = ip.toLowerCase().replace(':0::', '::')
    const expected = asked.filter(({ time, address }) => address === wanted && time >= at - half && time < at + half)
    const got = out === '' ? [] : out.trim().split('\n').map((line) => JSON.parse(line))
    if (status !== 0 || got.length !== expected.length || got.some((row, i) => row.time !== expected[i]?.time || row.address !== wanted)) throw new Error(`${got.length} rows for ${expected.length}`)
  }), { numRuns: 25 })
})

t.test('bits flipped, segments cut, swapped, repeated and renamed are found by verify and kept out by open', async (t) => {
  const backup = `${root}/backup`
  cpSync(kept, backup, { recursive: true })
  const segments = filesUnder(kept).filter((path) => path.endsWith('.age'))
  const [first = '', second = ''] = segments
  const tomorrow = segments.find((path) => path.includes('2026-03-02')) ?? ''
  const checkpoint = (path: string) => path.replace('.age', '.checkpoint')
  const flip = (path: string) => {
    const bytes = readFileSync(path)
    const position = randomBytes(4).readUInt32LE() % bytes.length
    bytes[position] = (bytes[position] ?? 0) ^ (1 << (position % 8))
    writeFileSync(path, bytes)
  }
  const swap = (one: string, other: string) => {
    renameSync(one, `${root}/aside`)
    renameSync(other, one)
    renameSync(`${root}/aside`, other)
  }
  for (const [what, tamper, message] of [
    ...Array.from({ length: 20 }, () => ['a bit of a segment', () => flip(first), /altered or cut/] as const),
    ...Array.from({ length: 20 }, () => ['a bit of a checkpoint', () => flip(checkpoint(first)), /signed by another key/] as const),
    ['a segment cut', () => writeFileSync(first, readFileSync(first).subarray(0, -100)), /altered or cut/],
    ['a segment emptied', () => writeFileSync(first, ''), /altered or cut/],
    ['a segment gone', () => rmSync(first), /is missing/],
    ['a segment gone with its checkpoint', () => [second, checkpoint(second)].forEach((path) => rmSync(path)), /does not follow/],
    ['two segments swapped', () => swap(first, second), /altered or cut/],
    ['two segments swapped with their checkpoints', () => [swap(first, second), swap(checkpoint(first), checkpoint(second))], /of another segment/],
    ['days swapped', () => [swap(first, tomorrow), swap(checkpoint(first), checkpoint(tomorrow))], /not of the day/],
    ['an old segment as the newest', () => [[first, tomorrow.replace(/\d{15}/, '000001999999999')], [checkpoint(first), checkpoint(tomorrow.replace(/\d{15}/, '000001999999999'))]].forEach(([a = '', b = '']) => cpSync(a, b)), /stands there twice/],
  ] as const) {
    tamper()
    const { status, err } = await verify()
    t.equal(status, 1, what)
    t.match(err, message, what)
    rmSync(kept, { recursive: true })
    cpSync(backup, kept, { recursive: true })
  }
  swap(first, tomorrow)
  t.match(await open('2026-03-01T20:41:00Z', '20m', '203.0.113.7', `${keys}/alice`, `${keys}/bob`), { status: 1, out: '', err: /left out/ })
  swap(first, tomorrow)
  t.match(await verify(), { status: 0, err: '' })
  const newest = filesUnder(kept).at(-1) ?? ''
  cpSync(newest, `${root}/witness`)
  for (const path of [newest, newest.replace('.checkpoint', '.age')]) rmSync(path)
  t.match(await verify(), { status: 0 }, 'the end cut off is not to be seen from inside')
  t.match(await verify('--witness', `ams-1=${root}/witness`), { status: 1, err: /later checkpoint was witnessed/ })
  cpSync(filesUnder(kept).find((path) => path.endsWith('.checkpoint')) ?? '', `${root}/older`)
  for (const [one, other] of [['witness', 'older'], ['older', 'witness']]) {
    t.match(await verify('--witness', `ams-1=${root}/${one}`, '--witness', `ams-1=${root}/${other}`), { status: 1, err: /later checkpoint was witnessed/ }, 'all of them count, in any order')
  }
  await t.rejects(verify('--witness', `fra-1=${root}/witness`), { code: 'WISSEL_USAGE' }, 'a witness of a router that is not checked')
  await t.rejects(verify('--key', `ams-1=${keys}/list.key.pub`), { code: 'WISSEL_USAGE' }, 'two keys of one router')
  rmSync(kept, { recursive: true })
  cpSync(backup, kept, { recursive: true })
  t.match(await verify('--witness', `ams-1=${root}/witness`), { status: 0, err: '' })
  t.match(await run('verify', '--archive', kept, '--key', `ams-1=${keys}/list.key.pub`), { status: 1, err: /another key/ })
  t.match(await run('verify', '--archive', kept, '--key', `fra-1=${routerKey}.pub`), { status: 1, err: /ams-1: not checked/ })
})

t.test('what is not there is not taken for what is well', async (t) => {
  const both = ['--identity', `${keys}/alice`, '--identity', `${keys}/bob`]
  const search = ['--case', 'C-17', '--audit', audit, '--at', '2026-03-01T20:41:00Z', '--window', '20m', '--ip', '203.0.113.7', ...both]
  const key = (router: string) => ['--key', `${router}=${routerKey}.pub`]
  mkdirSync(`${root}/empty/ams-1`, { recursive: true })
  for (const [args, message] of [
    [['verify', '--archive', `${root}/typo`, ...key('ams-1')], /the archive .*\/typo cannot be read \(ENOENT\)/],
    [['verify', '--archive', kept, ...key('ams-1'), ...key('ams1')], /^ams1: no checkpoint of it is there/],
    [['verify', '--archive', `${root}/empty`, ...key('ams-1')], /^ams-1: no checkpoint of it is there/],
    [['ship', kept, '--from', `${root}/typo`], /the archive .*\/typo cannot be read \(ENOENT\)/],
    [['ship', kept, '--from', `${local}/ams-1`], /holds no router's directory/],
    [['ship', `${routerKey}.pub`, '--from', local], /signing\.key\.pub: failed \(ENOTDIR\); it is tried again/],
    [['open', '--archive', `${root}/typo`, ...key('ams-1'), ...search], /the archive .*\/typo cannot be read \(ENOENT\)/],
    [['open', '--archive', kept, ...key('ams1'), ...search], /holds nothing of the router ams1/],
    [['open', '--archive', `${root}/empty`, ...key('ams-1'), ...search], /holds nothing of the router ams-1/],
  ] as const) {
    const { status, err } = await run(...args)
    t.equal(status, 1, args.join(' '))
    t.match(err.replace(/^wissel archive \w+: /, ''), message)
  }
  t.match(readFileSync(audit, 'utf8').trim().split('\n').at(-1), /"outcome":"refused"/)
  mkdirSync(`${kept}/lost+found`)
  writeFileSync(`${kept}/notes`, '')
  t.match(await verify(), { status: 0, err: '' }, 'what a file system or a person put there is no router')
  rmSync(`${kept}/lost+found`, { recursive: true })
  rmSync(`${kept}/notes`)
})

t.test('open tells what its rows may not hold, and so does its line in the audit log', async (t) => {
  const backup = `${root}/backup-of-gaps`
  cpSync(kept, backup, { recursive: true })
  const [, second = '', third = ''] = filesUnder(kept).filter((path) => path.endsWith('.age'))
  const both = [`${keys}/alice`, `${keys}/bob`]
  const entered = () => JSON.parse(readFileSync(audit, 'utf8').trim().split('\n').at(-1) ?? '')
  const whole = await open('2026-03-01T22:00:00Z', '2h', '203.0.113.7', ...both)
  t.match(whole, { status: 0, err: /^(?!.*touches|.*not all)/s })
  t.match(entered(), { problems: [], unread: [] })
  for (const path of [second, second.replace('.age', '.checkpoint')]) rmSync(path)
  const gap = await open('2026-03-01T22:00:00Z', '2h', '203.0.113.7', ...both)
  t.equal(gap.status, 1)
  t.ok(gap.out.length < whole.out.length)
  t.match(gap.err, /does not follow from the one before it.* touches the window, so these rows may not be all/)
  t.same(entered().problems, [`${third.slice(kept.length + 1, -4)} gap`])
  t.match(await open('2026-03-02T00:30:00Z', '10m', '203.0.113.7', ...both), { status: 0, err: /^(?!.*touches)/s }, 'a gap elsewhere is not told')
  rmSync(kept, { recursive: true })
  cpSync(backup, kept, { recursive: true })
  mkdirSync(`${kept}/fra-1`)
  t.match(await open('2026-03-02T02:30:00Z', '2h', '203.0.113.7', ...both), { status: 0, err: /^fra-1: not read; give its public key/m })
  t.match(entered(), { problems: [], unread: ['fra-1'] })
  rmSync(`${kept}/fra-1`, { recursive: true })
  t.match(await open('2026-03-02T02:30:00Z', '2h', '203.0.113.7', ...both), { status: 0, err: /^ams-1: the archive holds 2026-03-01T20:31Z to 2026-03-02T02:40Z, which is not all of the window/m })
})

t.test('after the shred nothing of that day opens, not from a backup either, and the other day still does', async (t) => {
  const nextDay = await open('2026-03-02T00:30:00Z', '20m', '2001:db8::7', `${keys}/alice`, `${keys}/bob`)
  t.equal(nextDay.status, 0)
  t.ok(nextDay.out.includes('2001:db8::7'))
  t.ok(asked.some(({ time }) => time > MIDNIGHT))
  t.match(await run('shred', '2026-03-01', '--keys', keys), { status: 0, out: /alice\/2026-03-01\.key\n.*bob\/2026-03-01\.key\n/ })
  t.notOk(existsSync(`${keys}/alice/2026-03-01.key`) || existsSync(`${keys}/bob/2026-03-01.key`))
  t.match(await run('shred', '2026-03-01', '--keys', keys), { status: 1, err: /no key of 2026-03-01/ })
  await t.rejects(run('shred', '2026-02-30', '--keys', keys), { code: 'WISSEL_USAGE' })
  for (const identities of [[`${keys}/alice`, `${keys}/bob`], [`${keys}/alice/2026-03-02.key`, `${keys}/bob/2026-03-02.key`]]) {
    for (const archive of [kept, `${root}/backup`]) {
      const { status, out } = await run(...openArgs, '--archive', archive, '--at', '2026-03-01T20:41:00Z', '--window', '20m', '--ip', '203.0.113.7', ...identities.flatMap((path) => ['--identity', path]))
      t.equal(status, 1)
      t.equal(out, '')
    }
  }
  const left = filesUnder(keys).filter((path) => path.endsWith('.key')).flatMap((path) => /AGE-SECRET-KEY-\S+/.exec(readFileSync(path, 'utf8'))?.[0] ?? [])
  t.equal(left.length, 6)
  for (const path of filesUnder(`${root}/backup`).filter((name) => name.includes('2026-03-01') && name.endsWith('.age'))) {
    await t.rejects(unseal(readFileSync(path), left), { name: 'ArchiveError' }, 'no key that is left opens it')
  }
  t.equal((await open('2026-03-02T00:30:00Z', '20m', '2001:db8::7', `${keys}/alice`, `${keys}/bob`)).status, 0)
  t.match(await run('keygen', '--days', '2', '--out', keys, '--officer', 'alice'), { status: 0, out: /^0 days made/ }, 'and keygen does not make that day again')
})

t.test('neither a message nor a file, the audit log included, holds an address that was archived or looked for', async (t) => {
  t.ok(said.length > 2000)
  t.notMatch(said, new RegExp(`203\\.0\\.113|198\\.51\\.100|2001:db8|192\\.0\\.2|canary`, 'i'))
  t.notMatch(said, /AGE-SECRET|PRIVATE/)
  t.same(hits(root, ['203.0.113.7', '2001:db8::7', '198.51.100.', CANARY]), [])
})
