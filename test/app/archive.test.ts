import t from 'tap'
import { renameSync, utimesSync, writeFileSync } from 'node:fs'
import { openArchive, rawFactsOf } from '../../src/app/archive.ts'
import { dayOf, DAY_MS } from '../../src/archive/day.ts'
import { rawRecordOf } from '../../src/archive/raw-record.ts'
import { RecipientList, writeRecipients } from '../../src/archive/recipients.ts'
import { OperatorLog } from '../../src/log/operator-log.ts'
import type { Service } from '../../src/routing/model.ts'
import { filesUnder, NOON, signingPair } from '../archive/archive.ts'
import { Clock } from '../log/clock.ts'
import { redirectTo, refusalOf, WORLD } from '../log/decisions.ts'
import { until } from '../log/segment-disk.ts'

const list = signingPair()
const own = signingPair()

/** Text of a list with keys for so many days from one on. */
function keysFor(first: number, days: number, signingKey = list.signingKey): string {
  const key = (officer: string, day: number) => `age1${officer}${String(first + day).padStart(58, '0')}`
  return writeRecipients(new RecipientList(['alice', 'bob'], Array.from({ length: days }, (_, day) => [dayOf(first + day * DAY_MS), [key('a', day), key('b', day)]])), signingKey)
}

async function setUp(directory: string, text: string) {
  const path = `${directory}/recipients.txt`
  writeFileSync(path, text)
  writeFileSync(`${directory}/signing.key`, own.pem)
  const clock = new Clock()
  clock.now = NOON
  const told: string[] = []
  const write = (line: string) => {
    const { event, count, task } = JSON.parse(line) as { event: string, count?: number, task?: string }
    told.push([event, task ?? count].filter((part) => part !== undefined).join(' '))
  }
  const messages = new OperatorLog({ write, now: () => clock.now, router: 'ams-1' })
  const settings = { recipients: 'recipients.txt', recipientsKey: list.publicKeyText, signingKey: 'signing.key', directory: 'segments' }
  const archive = await openArchive(settings, { directory, router: 'ams-1', reloadMs: 2000, now: () => clock.now, setTimer: clock.setTimer, messages })
  const timers = clock.waiting
  /** A look at the list and what it tells. */
  const look = async () => {
    clock.advance(2000)
    // It is over when the next one is due.
    await until(() => clock.waiting === timers)
    return told.splice(0)
  }
  const replace = (content: string) => {
    writeFileSync(`${path}.new`, content)
    renameSync(`${path}.new`, path)
  }
  return { archive, clock, told, look, replace }
}

t.test('a renewed list is taken without a signal, and what is no list is told once and changes nothing', async (t) => {
  const { archive, look, replace, told } = await setUp(t.testdir(), keysFor(NOON, 30))
  t.same(told, [])
  t.equal(archive.writer.daysLeft, 30)
  for (const [what, text, days, expected] of [
    ['the same again', undefined, 30, []],
    ['a longer one', keysFor(NOON, 40), 40, []],
    ['one of another signer', keysFor(NOON, 50, own.signingKey), 40, ['task_failed archive_keys']],
    ['and it stays there', undefined, 40, []],
    ['half of one', keysFor(NOON, 50).slice(0, 500), 40, ['task_failed archive_keys']],
    ['a good one', keysFor(NOON, 50), 50, ['task_recovered archive_keys']],
    ['one that ends soon', keysFor(NOON, 6), 6, ['archive_keys_low 6']],
    ['one of another year', keysFor(NOON + 365 * DAY_MS, 30), 0, ['archive_no_keys']],
    ['one that begins tomorrow', keysFor(NOON + DAY_MS, 30), 0, []],
    ['one that is long enough', keysFor(NOON, 7), 7, []],
  ] as const) {
    if (text !== undefined) replace(text)
    t.same(await look(), expected, what)
    t.equal(archive.writer.daysLeft, days, what)
  }
  await archive.close()
})

t.test('the end of the keys is told at the start and once a day, before it comes and when it is there', async (t) => {
  const { archive, clock, told, look } = await setUp(t.testdir(), keysFor(NOON, 2))
  t.same(told.splice(0), ['archive_keys_low 2'])
  t.same(await look(), [])
  for (const expected of [['archive_keys_low 1'], ['archive_no_keys'], ['archive_no_keys']]) {
    clock.now += DAY_MS
    t.same(await look(), expected)
    t.same(await look(), [])
  }
  await archive.close()
  t.equal(clock.waiting, 0, 'nothing looks after the end')
})

t.test('a reload that is asked for reads the list at once', async (t) => {
  const { archive, replace } = await setUp(t.testdir(), keysFor(NOON, 30))
  replace(keysFor(NOON, 20))
  await archive.reload()
  t.equal(archive.writer.daysLeft, 20)
  await archive.close()
})

t.test('what a router left that was stopped for days goes when it starts', async (t) => {
  const directory = t.testdir({ segments: { 'ams-1': { '2026-02-27': { '001772197060000.age': '', '001772197060000.checkpoint': '' }, '2026-02-26': { '.001772097060000.age.part': '' } } } })
  for (const path of filesUnder(directory)) utimesSync(path, NOON / 1000, (NOON - DAY_MS) / 1000)
  const { archive } = await setUp(directory, keysFor(NOON, 30))
  await until(() => archive.writer.expired === 1)
  t.same(filesUnder(`${directory}/segments`).map((path) => path.slice(-11)), ['.checkpoint'])
  await archive.close()
})

t.test('the archive is told what of a request its service has configured', async (t) => {
  const [service, target] = [WORLD.ids.get('omroep-live'), WORLD.targets[0]]
  if (service === undefined || target === undefined) throw new Error('the world is empty')
  const content = [{ id: undefined, segments: ['live', '{content}', '**'] }]
  const omroep: Service = { ...service, content, host: 'omroep.example', prefix: '/klant-8' }
  const klant: Service = { ...service, content, host: undefined, prefix: '/klant-7' }
  const services = { hosts: new Map([['omroep.example', omroep], ['www.omroep.example', omroep]]), prefixes: new Map([['/klant-8', omroep], ['/klant-7', klant]]) }
  const within = '/live/nieuws-24/u-1/x.m3u8'
  for (const [what, host, path, request] of [
    ['by its host', 'omroep.example', within, 'omroep.example/live/nieuws-24/_/x.m3u8'],
    ['by another of its hosts', 'www.omroep.example', within, 'www.omroep.example/live/nieuws-24/_/x.m3u8'],
    ['by its prefix', 'edge-1.example', `/klant-7${within}`, '_.example/klant-7/live/nieuws-24/_/x.m3u8'],
    ['by its prefix, where it has hosts as well', 'edge-1.example', `/klant-8${within}`, '_.example/klant-8/live/nieuws-24/_/x.m3u8'],
    ['by its host, with the prefix in the path', 'omroep.example', `/klant-8${within}`, 'omroep.example/_/live/_/_/x.m3u8'],
    ['by another of its hosts, with the prefix in the path', 'www.omroep.example', `/klant-8${within}`, 'www.omroep.example/_/live/_/_/x.m3u8'],
    ['by none', 'edge-1.example', `/klant-9${within}`, '_.example/_/live/_/_/x.m3u8'],
  ] as const) {
    const resolved = { rejected: undefined, forwardedInvalid: false, scheme: 'https', host, authority: host, path, query: '', method: 'GET', wants: 'redirect', address: undefined, userAgent: undefined } as const
    for (const decision of [redirectTo(service, target), refusalOf(service)]) {
      t.equal(rawRecordOf(rawFactsOf(resolved, decision, services, decision.status, NOON, undefined)).request, `GET https://${request}`, what)
    }
  }
})
