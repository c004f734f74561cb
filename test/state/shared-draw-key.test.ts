import fc from 'fast-check'
import t from 'tap'
import { createSealer } from '../../src/state/sealed-key.ts'
import type { Sealer } from '../../src/state/shared-draw-key.ts'
import { dayOf, elect, SharedDrawKey } from '../../src/state/shared-draw-key.ts'
import type { DrawReport } from '../../src/state/router-report.ts'

const DAY = 86_400_000
const NOON = 20_000 * DAY + DAY / 2

/** Boxes that are marked instead of locked, for many runs. */
function paperSealer(router: string): Sealer {
  const text = (key: Uint8Array) => Buffer.from(key).toString('hex')
  return {
    publicKey: router,
    mark: (day, key) => `${day}-${text(key)}`,
    seal: (key, day, to) => [router, to, day, text(key)].join(' '),
    open: (box, day, from) => {
      const [of, to, when, key = ''] = box.split(' ')
      return of === from && to === router && when === String(day) ? Buffer.from(key, 'hex') : undefined
    },
  }
}

/** Routers that report to one board, of which each reads what reaches it. */
class Deployment {
  readonly board = new Map<string, DrawReport>()
  readonly routers = new Map<string, SharedDrawKey>()
  #drawn = 0

  join(router: string): SharedDrawKey {
    const joined = new SharedDrawKey({ router, sealer: paperSealer(`${router}#${this.#drawn}`), random: (count) => Uint8Array.from({ length: count }, (_, i) => (i === 0 ? this.#drawn >> 8 : i === 1 ? this.#drawn++ : i)) })
    this.routers.set(router, joined)
    return joined
  }

  beat(router: string, reaches: (other: string) => boolean = () => true, now = NOON): void {
    const self = this.routers.get(router)
    self?.observe(now, [...this.board].filter(([other]) => reaches(other)).map(([other, draw]) => ({ router: other, draw })))
    if (self !== undefined) this.board.set(router, self.report())
  }

  keys(now = NOON): string[] {
    return [...new Set([...this.routers.values()].map((router) => Buffer.from(router.key(dayOf(now))).toString('hex')))]
  }
}

t.test('the key that most carry is elected, at a tie that of the smallest id', async (t) => {
  const of = (...carriers: [string, string][]) => elect(carriers.map(([router, mark]) => ({ router, mark })))
  t.equal(of(), undefined)
  t.equal(of(['b', 'y'], ['a', 'x']), 'x')
  t.equal(of(['b', 'y'], ['c', 'y'], ['a', 'x']), 'y')
  t.equal(of(['c', 'y'], ['b', 'x'], ['a', 'y'], ['d', 'x']), 'y')
})

t.test('however routers join and whatever reports are lost, four calm rounds later all have one key', async () => {
  const ids = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7']
  const event = fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const), router: fc.constantFrom(...ids) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('beat' as const), router: fc.constantFrom(...ids), lost: fc.subarray(ids) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('silent' as const), router: fc.constantFrom(...ids) }) },
  )
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), fc.shuffledSubarray(ids, { minLength: 7 }), (events, order) => {
    const deployment = new Deployment()
    for (const happening of events) {
      if (happening.kind === 'join') deployment.join(happening.router)
      else if (happening.kind === 'silent') deployment.board.delete(happening.router)
      else deployment.beat(happening.router, (other) => !happening.lost.includes(other))
    }
    for (const router of order) if (!deployment.routers.has(router)) deployment.join(router)
    // One round tells of everybody, one seals, one opens, one is told of.
    for (let round = 0; round < 4; round++) for (const router of order) deployment.beat(router)
    return deployment.keys().length === 1
  }), { numRuns: 500 })
})

t.test('a key that is carried changes only for one that more routers carry, or as many with a smaller id among them', async () => {
  const ids = ['r1', 'r2', 'r3', 'r4', 'r5']
  fc.assert(fc.property(fc.array(fc.record({ router: fc.constantFrom(...ids), joins: fc.boolean(), lost: fc.subarray(ids) }), { maxLength: 80 }), (events) => {
    const deployment = new Deployment()
    const markOf = (router: string) => deployment.routers.get(router)?.report().marks[0]?.mark
    for (const { router, joins, lost } of events) {
      if (joins && !deployment.routers.has(router)) deployment.join(router)
      const before = markOf(router)
      const heard = [...deployment.board].filter(([other]) => !lost.includes(other) && other !== router)
      deployment.beat(router, (other) => !lost.includes(other))
      const after = markOf(router)
      if (before === undefined || after === before) continue
      const carriers = [{ router, mark: before }, ...heard.flatMap(([other, { marks }]) => marks.map(({ mark }) => ({ router: other, mark })))]
      if (elect(carriers) !== after) return false
    }
    return true
  }), { numRuns: 500 })
})

t.test('a router that starts takes the key of those that run, even with the smallest id', async (t) => {
  const deployment = new Deployment()
  deployment.join('m')
  deployment.beat('m')
  const key = Buffer.from(deployment.routers.get('m')?.key(dayOf(NOON)) ?? []).toString('hex')
  deployment.join('a').key(dayOf(NOON))
  for (const router of ['a', 'm', 'a', 'm']) deployment.beat(router)
  t.same(deployment.keys(), [key])
})

t.test('a key that is not the one its mark promised is not taken', async (t) => {
  const router = new SharedDrawKey({ router: 'a', sealer: paperSealer('a#'), random: (count) => new Uint8Array(count).fill(1) })
  const day = dayOf(NOON)
  const draw = (mark: string): DrawReport => ({ publicKey: 'b#', marks: [{ day, mark }], sealed: [{ to: 'a', day, box: ['b#', 'a#', day, '02'.repeat(16)].join(' ') }] })
  router.observe(NOON, [{ router: 'b', draw: draw(`${day}-${'03'.repeat(16)}`) }])
  t.equal(router.key(day)[0], 1)
  router.observe(NOON, [{ router: 'b', draw: draw(`${day}-${'02'.repeat(16)}`) }])
  t.equal(router.key(day)[0], 2)
})

t.test('a router alone, or without Redis, keeps one key for the day and has another the next', async (t) => {
  const alone = new Deployment().join('a')
  const first = Buffer.from(alone.key(1))
  t.same(Buffer.from(alone.key(1)), first)
  alone.observe(DAY + 1, [])
  t.same(Buffer.from(alone.key(1)), first, 'also once it is told that it is alone')
  t.notSame(Buffer.from(alone.key(2)), first)
})

t.test('the next day\'s key is agreed upon before the day begins', async (t) => {
  const deployment = new Deployment()
  const ids = ['a', 'b', 'c']
  for (const id of ids) deployment.join(id)
  const evening = 20_000 * DAY + 23.5 * 3_600_000
  for (let round = 0; round < 4; round++) for (const id of ids) deployment.beat(id, undefined, evening)
  const midnight = 20_001 * DAY
  t.equal(deployment.keys(evening).length, 1)
  t.equal(deployment.keys(midnight).length, 1, 'with no word between them')
  t.notSame(deployment.keys(evening), deployment.keys(midnight))
})

t.test('once all have the key nobody seals it any more, and yesterday\'s is gone', async (t) => {
  const deployment = new Deployment()
  for (const id of ['a', 'b', 'c']) deployment.join(id)
  for (let round = 0; round < 4; round++) for (const id of ['a', 'b', 'c']) deployment.beat(id)
  for (const { sealed } of deployment.board.values()) t.equal(sealed.length, 0)
  for (const id of ['a', 'b', 'c']) deployment.beat(id, undefined, NOON + DAY)
  for (const { marks } of deployment.board.values()) t.same(marks.map(({ day }) => day), [20_001])
})

t.test('a sealed key opens for the router that it was sealed to, on its day, and for nobody else', async (t) => {
  const [from, to, other] = [createSealer(), createSealer(), createSealer()]
  const key = Uint8Array.from({ length: 16 }, (_, i) => i)
  const box = from.seal(key, 7, to.publicKey) ?? ''
  t.same(Uint8Array.from(to.open(box, 7, from.publicKey) ?? []), key)
  t.equal(to.open(box, 8, from.publicKey), undefined, 'another day')
  t.equal(to.open(box, 7, other.publicKey), undefined, 'another sender')
  t.equal(other.open(box, 7, from.publicKey), undefined, 'another receiver')
  const altered = Buffer.from(box, 'base64')
  altered[20] = (altered[20] ?? 0) ^ 1
  t.equal(to.open(altered.toString('base64'), 7, from.publicKey), undefined, 'altered')
  t.equal(from.seal(key, 7, 'no key'), undefined)
  t.equal(to.open('', 7, from.publicKey), undefined)
  t.equal(from.mark(7, key), to.mark(7, key), 'all give a key the same mark')
  t.not(from.mark(7, key), from.mark(8, key))
})
