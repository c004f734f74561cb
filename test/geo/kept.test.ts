// A compiled database is used again for the same bytes and the same code, and for nothing else.
import { createHash } from 'node:crypto'
import t from 'tap'
import type { CompileJob } from '../../src/geo/compile.ts'
import { AsnIndex, GeoIndex } from '../../src/geo/geo-index.ts'
import { keeping } from '../../src/geo/kept.ts'
import type { IndexStore } from '../../src/geo/kept.ts'
import { compileAsn, compileGeo } from '../../src/geo/mmdb.ts'
import { writeMmdb } from './mmdb-writer.ts'

const dutch = writeMmdb({ networks: [['192.0.2.0/24', { country_code: 'NL' }], ['2001:db8::/32', { country_code: 'DE', location: { latitude: 52.5, longitude: 13.4 } }]] })
const german = writeMmdb({ networks: [['192.0.2.0/24', { country_code: 'DE' }]] })
const systems = writeMmdb({ networks: [['192.0.2.0/24', { asn: 64_500 }]] })

/** A store in memory and a compiler that counts. */
function kept(files = new Map<string, Uint8Array>(), changes: Partial<IndexStore> = {}) {
  const compiled: string[] = []
  const trouble: unknown[] = []
  const compile = async ({ kind, file, maxBytes }: CompileJob) => {
    compiled.push(kind)
    return kind === 'geo' ? compileGeo(file, maxBytes).share() : compileAsn(file, maxBytes).share()
  }
  const store: IndexStore = {
    read: async (kind) => files.get(kind),
    replace: async (kind, pieces) => void files.set(kind, Buffer.concat([...pieces])),
    digest: async (bytes) => createHash('sha256').update(bytes).digest('hex'),
    code: async () => 'this',
    ...changes,
  }
  const compiler = keeping(compile, store, (error) => trouble.push(error))
  return {
    files,
    compiled,
    trouble,
    get: async (kind: 'geo' | 'asn', file: Buffer, maxBytes = 1e6) => {
      const shared = await compiler.compile({ kind, file: new Uint8Array(file), maxBytes })
      await compiler.settled()
      return shared
    },
  }
}

t.test('after a start with the same database nothing is compiled, and every look-up finds the same', async (t) => {
  const before = kept()
  const geo = await before.get('geo', dutch)
  const asn = await before.get('asn', systems)
  const after = kept(before.files)
  const again = await after.get('geo', dutch)
  t.same([before.compiled, after.compiled], [['geo', 'asn'], []])
  t.same(again, geo)
  t.same(await after.get('asn', systems), asn)
  if (again.kind !== 'geo' || asn.kind !== 'asn') throw new TypeError('another kind')
  const index = GeoIndex.from(again)
  t.equal(index.find4(0xc0000207).country, 'NL')
  t.equal(index.find6(0x20010db8, 0, 0, 1).country, 'DE')
  t.equal(index.find4(0x08080808).country, 'ZZ')
  t.equal(AsnIndex.from(asn).find4(0xc0000207), 64_500)
  t.ok(again.trie.tree.buffer instanceof SharedArrayBuffer && again.places.countries.buffer instanceof SharedArrayBuffer, 'threads can share it')
})

t.test('another database, limit or code is compiled, and takes the place of what was kept', async (t) => {
  const { files } = kept()
  await kept(files).get('geo', dutch)
  for (const [what, file, limit, code] of [['database', german, 1e6, 'this'], ['limit', german, 2e6, 'this'], ['code', german, 2e6, 'that']] as const) {
    const next = kept(files, { code: async () => code })
    await next.get('geo', file, limit)
    t.same(next.compiled, ['geo'], what)
    await next.get('geo', file, limit)
    t.same(next.compiled, ['geo'], `${what}: and kept`)
  }
})

t.test('what cannot be read, or is no index, is compiled', async (t) => {
  for (const bytes of ['', '\n', '{}\n', 'null\n', '{"mark":1}', 'no json\n']) {
    const one = kept(new Map([['geo', Buffer.from(bytes)]]))
    await one.get('geo', dutch)
    t.same(one.compiled, ['geo'], JSON.stringify(bytes))
  }
  const broken = kept(new Map(), { read: () => Promise.reject(new Error('EIO')) })
  await broken.get('geo', dutch)
  t.same(broken.compiled, ['geo'])
})

t.test('what cannot be kept is in use all the same, and somebody hears of it', async (t) => {
  const one = kept(new Map(), { replace: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) })
  const shared = await one.get('geo', dutch)
  t.equal(shared.kind, 'geo')
  t.match(one.trouble, [{ code: 'ENOSPC' }])
})

t.test('a database that is refused is refused, and nothing is kept of it', async (t) => {
  const one = kept()
  await t.rejects(one.get('geo', Buffer.from('not a database')))
  t.equal(one.files.size, 0)
})
