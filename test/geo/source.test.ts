import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { compileInWorker } from '../../src/geo/compile.ts'
import type { CompileJob } from '../../src/geo/compile.ts'
import type { SharedAsn, SharedGeo } from '../../src/geo/geo-index.ts'
import { Locator } from '../../src/geo/locator.ts'
import { compileAsn, compileGeo } from '../../src/geo/mmdb.ts'
import { GeoSource } from '../../src/geo/source.ts'
import type { FileStat, GeoSourceOptions } from '../../src/geo/source.ts'
import { buildZones } from '../../src/geo/zones.ts'
import { ClientAddress } from '../../src/privacy/address.ts'
import { control, encode, pair, pointer, writeMmdb, writeRaw } from './mmdb-writer.ts'

const none = buildZones([])
const dutch = country('NL')
const german = country('DE')
const systems = writeMmdb({ networks: [['192.0.2.0/24', { asn: 64_500 }]] })

function country(code: string): Buffer {
  return writeMmdb({ networks: [['192.0.2.0/24', { country_code: code }]] })
}

/** A file system of one or two files that a test changes at will. */
class Disk {
  readonly #files = new Map<string, { bytes: Buffer; stat: FileStat }>()
  #time = 0
  reads = 0
  /** Called in the middle of a read. */
  duringRead: (() => void) | undefined

  put(path: string, bytes: Buffer): void {
    this.#time++
    this.#files.set(path, { bytes, stat: { size: bytes.length, mtimeMs: this.#time, ino: this.#time } })
  }

  /** Takes a file away; the function that it returns puts the same one back. */
  take(path: string): () => void {
    const file = this.#file(path)
    this.#files.delete(path)
    return () => void this.#files.set(path, file)
  }

  readonly stat = async (path: string): Promise<FileStat> => this.#file(path).stat

  readonly readFile = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
    this.reads++
    const { bytes } = this.#file(path)
    this.duringRead?.()
    return new Uint8Array(bytes)
  }

  #file(path: string): { bytes: Buffer; stat: FileStat } {
    const file = this.#files.get(path)
    if (file === undefined) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
    return file
  }
}

async function compile({ kind, file }: CompileJob): Promise<SharedGeo | SharedAsn> {
  return kind === 'geo' ? compileGeo(file).share() : compileAsn(file).share()
}

function setUp(more: Partial<GeoSourceOptions> = {}) {
  const disk = new Disk()
  const locator = new Locator()
  const events: string[] = []
  const source = new GeoSource({
    path: 'geo.mmdb',
    locator,
    now: () => 1000,
    io: { stat: disk.stat, readFile: disk.readFile, compile },
    onLoaded: ({ kind, path, databaseType }) => events.push(`loaded ${kind} ${path} ${databaseType}`),
    onRefused: ({ kind, path, message }) => events.push(`refused ${kind} ${path}: ${message}`),
    ...more,
  })
  const where = (): string => locator.locate(ClientAddress.parse('192.0.2.1'), none).place.country
  return { disk, locator, source, events, where }
}

t.test('a good file stays in use through a truncated one, one of another kind and none, until the next good one', async (t) => {
  const { disk, source, events, where, locator } = setUp()
  disk.put('geo.mmdb', dutch)
  await source.load()
  t.equal(where(), 'NL')
  t.equal(locator.loadedAt, 1000)

  const changes: [change: () => void, settled: 'refused' | 'loaded', says: RegExp, country: string][] = [
    [() => disk.put('geo.mmdb', german.subarray(0, 60)), 'refused', /truncated/, 'NL'],
    [() => disk.put('geo.mmdb', systems), 'refused', /no country/, 'NL'],
    [() => disk.put('geo.mmdb', Buffer.alloc(0)), 'refused', /empty/, 'NL'],
    [() => disk.take('geo.mmdb'), 'refused', /cannot be found \(ENOENT\)/, 'NL'],
    [() => disk.put('geo.mmdb', german), 'loaded', /loaded/, 'DE'],
  ]
  for (const [change, settled, says, country] of changes) {
    events.length = 0
    change()
    t.equal(await source.check(), 'same', 'the first look waits')
    t.equal(await source.check(), settled)
    t.equal(await source.check(), 'same', 'and says so once')
    t.equal(await source.check(), 'same')
    t.equal(events.length, 1)
    t.match(events[0], says)
    t.equal(where(), country)
  }
})

t.test('a file that is bad at the start does not stop it, and is taken up when it is repaired', async (t) => {
  for (const bytes of [undefined, Buffer.from('nonsense'), systems]) {
    const { disk, source, where, events } = setUp()
    if (bytes !== undefined) disk.put('geo.mmdb', bytes)
    await source.load()
    t.equal(where(), 'ZZ')
    t.match(events, [/refused geo geo\.mmdb: /])
    disk.put('geo.mmdb', dutch)
    await source.check()
    t.equal(await source.check(), 'loaded')
    t.equal(where(), 'NL')
  }
})

t.test('where the file that arrived is refused and none is loaded yet, the one that came with the router is', async (t) => {
  for (const arrived of [dutch.subarray(0, 60), systems, Buffer.alloc(0)]) {
    const { disk, source, where, events } = setUp({ path: 'arrived.mmdb', fallback: 'bundled.mmdb' })
    disk.put('arrived.mmdb', arrived)
    disk.put('bundled.mmdb', german)
    await source.load()
    t.equal(where(), 'DE')
    t.match(events, [/^refused geo arrived\.mmdb/, /^loaded geo bundled\.mmdb/])
    disk.put('arrived.mmdb', dutch)
    await source.check()
    t.equal(await source.check(), 'loaded')
    t.equal(where(), 'NL', 'and the one that arrives whole takes its place')
    disk.put('arrived.mmdb', arrived)
    await source.check()
    t.equal(await source.check(), 'refused')
    t.equal(where(), 'NL', 'which it keeps')
  }
})

t.test('where the one that came with the router is refused as well, both are told of', async (t) => {
  const { source, where, events } = setUp({ path: 'arrived.mmdb', fallback: 'bundled.mmdb' })
  await source.load()
  t.equal(where(), 'ZZ')
  t.match(events, [/^refused geo arrived\.mmdb/, /^refused geo bundled\.mmdb/])
})

t.test('a file that is not changed is not read again', async (t) => {
  const { disk, source } = setUp()
  disk.put('geo.mmdb', dutch)
  await source.load()
  for (let i = 0; i < 5; i++) t.equal(await source.check(), 'same')
  t.equal(disk.reads, 1)
})

t.test('a file that grows from look to look is left alone until it is complete', async (t) => {
  const { disk, source, where, events } = setUp()
  disk.put('geo.mmdb', dutch)
  await source.load()
  for (let size = 50; size < german.length; size += 50) {
    disk.put('geo.mmdb', german.subarray(0, size))
    t.equal(await source.check(), 'same')
  }
  disk.put('geo.mmdb', german)
  t.equal(await source.check(), 'same')
  t.equal(disk.reads, 1)
  t.equal(await source.check(), 'loaded')
  t.equal(where(), 'DE')
  t.notMatch(events.join('\n'), /refused/)
})

t.test('a file that changes while it is read counts neither as good nor as bad', async (t) => {
  for (const before of [german, german.subarray(0, 60)]) {
    const { disk, source, where, events } = setUp()
    disk.put('geo.mmdb', dutch)
    await source.load()
    events.length = 0
    disk.put('geo.mmdb', before)
    await source.check()
    disk.duringRead = () => disk.put('geo.mmdb', country('BE'))
    t.equal(await source.check(), 'same')
    disk.duringRead = undefined
    t.same(events, [])
    t.equal(where(), 'NL')
    await source.check()
    t.equal(await source.check(), 'loaded')
    t.equal(where(), 'BE')
  }
})

t.test('a file that was deleted and comes back with the same time, size and inode is loaded again', async (t) => {
  const { disk, source, events } = setUp()
  disk.put('geo.mmdb', dutch)
  await source.load()
  const restore = disk.take('geo.mmdb')
  await source.check()
  await source.check()
  restore()
  await source.check()
  t.equal(await source.check(), 'loaded')
  t.match(events, [/loaded/, /ENOENT/, /loaded/])
})

t.test('a file that is too large is refused unread', async (t) => {
  const { disk, source, events } = setUp({ maxBytes: 100 })
  disk.put('geo.mmdb', dutch)
  await source.load()
  t.equal(disk.reads, 0)
  t.match(events, [/more than the 100 allowed/])
})

t.test('a file that may not be read is refused by its error\'s code', async (t) => {
  const { disk, source, events } = setUp()
  disk.put('geo.mmdb', dutch)
  disk.duringRead = () => {
    throw Object.assign(new Error('secret'), { code: 'EACCES' })
  }
  await source.load()
  t.match(events, [/cannot be read \(EACCES\); check/])
  t.notMatch(events.join(), /secret/)
})

t.test('the two databases are swapped apart from each other', async (t) => {
  const { disk, source, locator, where, events } = setUp({ asnPath: 'asn.mmdb' })
  const asn = (): number => locator.locate(ClientAddress.parse('192.0.2.1'), none).asn
  disk.put('geo.mmdb', dutch)
  disk.put('asn.mmdb', dutch)
  await source.load()
  t.same([where(), asn()], ['NL', 0])
  t.match(events, [/loaded geo/, /refused asn asn\.mmdb: .*no autonomous system/])
  disk.put('geo.mmdb', systems)
  disk.put('asn.mmdb', systems)
  await source.check()
  t.equal(await source.check(), 'refused', 'one of them was')
  t.same([where(), asn()], ['NL', 64_500])
})

t.test('looks that overlap are one look', async (t) => {
  const { disk, source } = setUp()
  disk.put('geo.mmdb', dutch)
  await Promise.all([source.load(), source.check(), source.check()])
  t.equal(disk.reads, 1)
})

t.test('a look that is busy when the source is closed changes nothing', async (t) => {
  const { disk, source, where, events } = setUp()
  disk.put('geo.mmdb', dutch)
  disk.duringRead = () => source.close()
  await source.load()
  t.equal(where(), 'ZZ')
  t.same(events, [])
})

t.test('after start it looks by itself until it is closed', async (t) => {
  const loaded = Promise.withResolvers<void>()
  const { disk, source, where } = setUp({ pollMs: 1, onLoaded: () => loaded.resolve() })
  disk.put('geo.mmdb', dutch)
  source.start()
  source.start()
  // The source's own timer does not keep the process alive.
  const alive = setInterval(() => {}, 1000)
  await loaded.promise
  clearInterval(alive)
  source.close()
  source.start()
  t.equal(where(), 'NL')
})

t.test('with real files and a thread that compiles, a database is swapped while the main thread goes on', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'wissel-geo-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'geo.mmdb')
  const shipped = new URL('../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb', import.meta.url)
  await copyFile(shipped, path)
  const { source, locator, where, events } = setUp({ path, io: {} })
  await source.load()
  t.equal(locator.databaseType, 'country ipvAll')

  await writeFile(path, Buffer.alloc(5000, 0x41))
  await source.check()
  t.equal(await source.check(), 'refused')
  t.equal(locator.databaseType, 'country ipvAll')

  await writeFile(join(directory, 'new'), german)
  await rename(join(directory, 'new'), path)
  await source.check()
  t.equal(await source.check(), 'loaded')
  t.equal(where(), 'DE')
  t.match(events, [/loaded geo .* country ipvAll/, /refused geo .*truncated or not an MMDB/, /loaded geo .* Test/])
})

t.test('a file that keeps the second reader busy for ever is refused when its time is up', async (t) => {
  // Lists of ten pointers to the list before, twenty deep, under a key that nobody asks for.
  const parts = [encode('x')]
  let size = parts[0]?.length ?? 0
  let previous = 0
  for (let level = 0; level < 20; level++) {
    const list = Buffer.concat([control(11, 10), ...Array.from({ length: 10 }, () => pointer(previous))])
    previous = size
    size += list.length
    parts.push(list)
  }
  const record = Buffer.concat([control(7, 2), encode('country_code'), encode('NL'), encode('more'), pointer(previous)])
  const metadata = { node_count: 1, record_size: 24, ip_version: 4, database_type: 'Test', build_epoch: 0, binary_format_major_version: 2 }
  const file = writeRaw(pair(17 + size, 17 + size, 24), Buffer.concat([...parts, record]), metadata)
  t.equal(compileGeo(file).find4(0).country, 'NL')
  await t.rejects(compileInWorker({ kind: 'geo', file: new Uint8Array(file), maxBytes: 1e6 }, 500), /it took more than 500 ms/)
})
