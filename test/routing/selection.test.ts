import t from 'tap'
import { ClientAddress } from '../../src/privacy/address.ts'
import { draw, drawKey } from '../../src/privacy/draw.ts'
import type { StepSketch, TargetSketch } from './situation.ts'
import { chosen, situation, viewers } from './situation.ts'

const MILLION = 1_000_000
const KEY = drawKey((bytes) => Uint8Array.from({ length: bytes }, (_, i) => i * 37 + 11))
const VIEWERS = viewers(50_000)
const TITLES = Array.from({ length: 20_000 }, (_, i) => `/vod/title-${i}/main.m3u8`)
const TEN = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

/** One service `tv` with one step. */
function fleet(step: StepSketch, targets: Readonly<Record<string, TargetSketch>> = {}) {
  const ids = Array.isArray(step.targets) ? step.targets as readonly string[] : Object.keys(step.targets)
  return situation({ targets: Object.fromEntries(ids.map((id) => [id, targets[id] ?? {}])), services: { tv: { steps: [step] } } })
}

/** Share of each target, 0 to 1. */
function shares(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1 / ids.length)
  return counts
}

t.test('a million viewers spread over weights to within half a percentage point', async (t) => {
  const weights = { a: 50, b: 30, c: 15, d: 5, e: 0 }
  const { decide } = fleet({ targets: weights })
  // Neighbours in a few networks, as real viewers are.
  const ids = Array.from({ length: MILLION }, (_, i) => {
    const v4 = `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`
    const v6 = `2001:db8:${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}::1`
    return chosen(decide({}, draw(ClientAddress.parse(i % 4 === 0 ? v6 : v4), KEY)))
  })
  const found = shares(ids)
  for (const [id, weight] of Object.entries(weights)) t.ok(Math.abs((found.get(id) ?? 0) - weight / 100) < 0.005, `${id}: ${found.get(id)}`)
  t.equal(found.get('e'), undefined, 'a weight of 0 gets nobody')
})

for (const select of ['weighted', 'rendezvous', 'nearest'] as const) {
  t.test(`${select} without a key spreads viewers in proportion to the weights`, async (t) => {
    const { decide } = fleet({ targets: { a: 6, b: 3, c: 1 }, select, key: 'none' })
    const found = shares(VIEWERS.map((random) => chosen(decide({}, random))))
    for (const [id, share] of [['a', 0.6], ['b', 0.3], ['c', 0.1]] as const) t.ok(Math.abs((found.get(id) ?? 0) - share) < 0.01, `${id}: ${found.get(id)}`)
  })

  t.test(`${select} moves only the viewers of a target that fails, and gives exactly them back`, async (t) => {
    const { decide, health, target } = fleet({ targets: TEN, select, key: 'none' })
    const all = () => VIEWERS.map((random) => chosen(decide({}, random)))
    const before = all()
    health.setState(target('d'), 'down')
    const during = all()
    t.ok(during.every((id, viewer) => (before[viewer] === 'd' ? id !== 'd' : id === before[viewer])))
    const moved = shares(during.filter((_, viewer) => before[viewer] === 'd'))
    for (const id of TEN) if (id !== 'd') t.ok(Math.abs((moved.get(id) ?? 0) - 1 / 9) < 0.03, `${id} takes ${moved.get(id)} of them`)
    health.setState(target('d'), 'up')
    t.same(all(), before)
  })
}

t.test('weighted stays in proportion when most of the weight fails', async (t) => {
  const { decide, health, target } = fleet({ targets: { a: 1000, b: 2, c: 1, d: 1 } })
  health.setState(target('a'), 'down')
  const found = shares(VIEWERS.map((random) => chosen(decide({}, random))))
  for (const [id, share] of [['b', 0.5], ['c', 0.25], ['d', 0.25]] as const) t.ok(Math.abs((found.get(id) ?? 0) - share) < 0.01, `${id}: ${found.get(id)}`)
})

t.test('draining most of the weight of a step leaves the rest in proportion', async (t) => {
  const { decide, health, target } = fleet({ targets: { a: 1000, b: 3, c: 1, d: 0 } })
  health.setAdmin(target('a'), 'drain')
  const found = shares(VIEWERS.map((random) => chosen(decide({}, random))))
  t.ok(Math.abs((found.get('b') ?? 0) - 0.75) < 0.01, `${found.get('b')}`)
  t.equal(found.get('d'), undefined, 'a weight of 0 still gets nobody')
})

for (const select of ['rendezvous', 'nearest'] as const) {
  t.test(`${select} moves only the titles of a target that is taken away, which is one in ten`, async (t) => {
    const before = fleet({ targets: TEN, select, key: 'path' })
    const after = fleet({ targets: TEN.filter((id) => id !== 'd'), select, key: 'path' })
    let moved = 0
    for (const path of TITLES) {
      const was = chosen(before.decide({ path }))
      const is = chosen(after.decide({ path }))
      if (was !== is) moved++
      if (was !== 'd' && was !== is) return t.fail(`${path} moved from ${was} to ${is}`)
    }
    t.ok(moved / TITLES.length <= 1 / 10 + 0.01 && moved / TITLES.length >= 1 / 10 - 0.01, `${moved} of ${TITLES.length}`)
  })

  t.test(`${select} gives titles to targets in proportion to the weights`, async (t) => {
    const { decide } = fleet({ targets: { a: 6, b: 3, c: 1, d: 0 }, select, key: 'path' })
    const found = shares(TITLES.map((path) => chosen(decide({ path }))))
    for (const [id, share] of [['a', 0.6], ['b', 0.3], ['c', 0.1]] as const) t.ok(Math.abs((found.get(id) ?? 0) - share) < 0.015, `${id}: ${found.get(id)}`)
    t.equal(found.get('d'), undefined)
  })

  t.test(`${select} keeps a title on one target for all viewers with a key`, async (t) => {
    const { decide } = fleet({ targets: TEN, select, key: 'path' })
    for (const path of TITLES.slice(0, 50)) t.equal(new Set(VIEWERS.slice(0, 200).map((random) => chosen(decide({ path }, random)))).size, 1, path)
  })

  t.test(`${select} spreads the titles of one folder where the key is the path`, async (t) => {
    const { decide } = fleet({ targets: TEN, select, key: 'path' })
    t.equal(new Set(Array.from({ length: 200 }, (_, i) => chosen(decide({ path: `/live/channel-${i}.m3u8` })))).size, TEN.length)
  })

  t.test(`${select} keeps all formats of a title on one target where the key is the folder, and titles apart`, async (t) => {
    const { decide } = fleet({ targets: TEN, select, key: 'prefix' })
    const home = (path: string) => chosen(decide({ path }))
    for (let i = 0; i < 200; i++) {
      t.equal(new Set(['main.m3u8', 'main.mpd', 'audio.m3u8', '1.ts'].map((file) => home(`/vod/${i}/${file}`))).size, 1)
    }
    t.equal(new Set(Array.from({ length: 200 }, (_, i) => home(`/vod/${i}/main.m3u8`))).size, TEN.length)
  })

  t.test(`${select} keeps a title where it was when other targets change weight from 0 or leave health`, async (t) => {
    const { decide, health, target } = fleet({ targets: TEN, select, key: 'path' })
    const before = TITLES.slice(0, 2000).map((path) => chosen(decide({ path })))
    health.setState(target('a'), 'down')
    health.setState(target('b'), 'down')
    const after = TITLES.slice(0, 2000).map((path) => chosen(decide({ path })))
    t.ok(before.every((id, i) => id === 'a' || id === 'b' || after[i] === id))
  })
}

t.test('the second home of a title differs between titles, so that a failed target\'s load is spread', async (t) => {
  const { decide, health, target } = fleet({ targets: TEN, select: 'rendezvous', key: 'path' })
  const own = TITLES.filter((path) => chosen(decide({ path })) === 'a')
  health.setState(target('a'), 'down')
  const found = shares(own.map((path) => chosen(decide({ path }))))
  t.equal(found.size, 9)
  for (const share of found.values()) t.ok(Math.abs(share - 1 / 9) < 0.04, `${share}`)
})

t.test('targets within the spread of the nearest share the load by weight, and the others get nothing', async (t) => {
  // From the North Sea: 300, 400 and 500 km to the south, and 300 km at a factor of 1.5 is 450 km.
  const south = (km: number) => ({ at: [54 - km / 111.2, 4] as const })
  const targets = { near: south(300), second: south(400), third: south(500) }
  const { decide } = fleet({ targets: { near: 1, second: 3, third: 10 }, select: 'nearest' }, targets)
  const found = shares(VIEWERS.map((random) => chosen(decide({ at: [54, 4] }, random))))
  t.ok(Math.abs((found.get('near') ?? 0) - 0.25) < 0.01, `${found.get('near')}`)
  t.equal(found.get('third'), undefined)

  const wider = fleet({ targets: { near: 1, second: 1, third: 1 }, select: 'nearest', spread: 1.7 }, targets)
  t.equal(shares(VIEWERS.map((random) => chosen(wider.decide({ at: [54, 4] }, random)))).size, 3)
  const strict = fleet({ targets: { near: 1, second: 1, third: 1 }, select: 'nearest', spread: 1 }, targets)
  t.equal(shares(VIEWERS.map((random) => chosen(strict.decide({ at: [54, 4] }, random)))).size, 1)
})

t.test('within a metropolitan area nobody is nearer than anybody else', async (t) => {
  const { decide } = fleet({ targets: ['one', 'two'], select: 'nearest' }, { one: { at: [52.3, 4.9] }, two: { at: [52.6, 4.9] } })
  t.equal(shares(VIEWERS.map((random) => chosen(decide({ at: [52.3, 4.9] }, random)))).size, 2)
})

t.test('the nearest target is found from anywhere, even without any spread', async (t) => {
  const places: [number, number][] = VIEWERS.slice(0, 20_000).map((random, i) => [(random / 2 ** 32) * 180 - 90, ((random * 7919 + i) % 36_000) / 100 - 180])
  const { decide } = fleet({ targets: ['a'], select: 'nearest', spread: 1 }, { a: { at: [52.37, 4.89] } })
  for (const at of places) if (chosen(decide({ at })) !== 'a' || decide({ at }).outcome !== 'redirect') return t.fail(`nothing is near ${at.join(', ')}`)
  t.pass(`from ${places.length} places`)
})

t.test('a target at the very other side of the globe is found, though its cosine is rounded below -1', async (t) => {
  const { decide } = fleet({ targets: ['a'], select: 'nearest' }, { a: { at: [76, 2] } })
  t.equal(decide({ at: [-76, -178] }).outcome, 'redirect')
})

t.test('a target without a place is chosen by distance only when no target has one', async (t) => {
  const { decide, health, target } = fleet({ targets: ['cdn', 'ams'], select: 'nearest' }, { ams: { at: [52.4, 4.9] } })
  t.ok(VIEWERS.slice(0, 100).every((random) => chosen(decide({ at: [0, 0] }, random)) === 'ams'))
  health.setState(target('ams'), 'down')
  t.equal(chosen(decide({ at: [0, 0] })), 'cdn')
})

t.test('a reload by the same viewer of the same title gives the same target, ten thousand times', async (t) => {
  for (const select of ['weighted', 'rendezvous', 'nearest', 'failover'] as const) {
    for (const key of ['none', 'path', 'prefix'] as const) {
      const { decide, health, target } = fleet({ targets: TEN, select, key, factor: 1.25 })
      health.setShed(target('a'), 0.5)
      const random = VIEWERS[7] ?? 0
      const first = chosen(decide({}, random))
      let moved = 0
      for (let i = 0; i < 10_000; i++) if (chosen(decide({}, random)) !== first) moved++
      t.equal(moved, 0, `${select} by ${key}`)
    }
  }
})

for (const select of ['weighted', 'rendezvous', 'nearest'] as const) {
  t.test(`${select} spreads the viewers of one target in one service anew in the next`, async (t) => {
    const steps = [{ targets: TEN, select }]
    const { decide } = situation({ targets: Object.fromEntries(TEN.map((id) => [id, {}])), services: { tv: { steps }, radio: { steps } } })
    const own = VIEWERS.filter((random) => chosen(decide({ host: 'tv.example' }, random)) === 'a')
    const found = shares(own.map((random) => chosen(decide({ host: 'radio.example' }, random))))
    for (const id of TEN) t.ok(Math.abs((found.get(id) ?? 0) - 0.1) < 0.03, `${id}: ${found.get(id)}`)
  })
}
