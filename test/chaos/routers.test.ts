import t from 'tap'
import { perform } from './case.ts'
import { deploy, metric, runs, Scope } from './deployment.ts'
import type { Router } from './deployment.ts'
import { diskCases } from './disk-cases.ts'
import { healthCases } from './health-cases.ts'
import { ask } from '../e2e/running.ts'
import { redisCases } from './redis-cases.ts'
import { REDIS_ABSENT, until } from '../state/redis-server.ts'

const all = [...redisCases, ...diskCases, ...healthCases]

/** The most telling of the cases, each with what it promises. The whole list is `npm run chaos`. */
const promises: readonly (readonly [title: string, name: string])[] = [
  ['while Redis hangs every viewer is answered, and what is published afterwards arrives', 'redis stopped with SIGSTOP for 10 s'],
  ['a Redis that forgot everything takes nothing from a router, and the next publication is above what it runs', 'FLUSHALL'],
  ['a router that starts without Redis serves what it served before', 'restart with redis down'],
  ['a router whose newest snapshot is damaged serves the one before', 'last known good with a bit flipped, restart with redis stopped'],
  ['an operator\'s drain reaches the router through Redis', 'a target drained by command, through redis'],
]

for (const [title, name] of promises) {
  t.test(title, { skip: REDIS_ABSENT }, async (t) => {
    const found = all.find((each) => each.name === name)
    if (found === undefined) return t.fail(`there is no case ${name}`)
    const { passed, figure, faulted } = await perform(found, { baselineMs: 500, timed: false })
    t.ok(passed, figure)
    t.equal(faulted.errors, 0, 'no viewer met an error')
    t.comment(figure)
  })
}

const VIEWERS = Array.from({ length: 40 }, (_, i) => `198.51.100.${i + 1}`)

async function answers({ running }: Router): Promise<string> {
  const replies = await Promise.all(VIEWERS.map((viewer) => ask(`${running.public}/chaos/live/master.m3u8`, { headers: { 'x-forwarded-for': viewer } })))
  return replies.map(({ status, headers }) => `${status} ${headers.location ?? ''}`).join('\n')
}

t.test('forty viewers are sent to the same targets by each of two routers, and still are when Redis is gone', { skip: REDIS_ABSENT }, async (t) => {
  const scope = new Scope()
  t.teardown(() => scope.close())
  const deployment = await deploy(scope)
  await deployment.apply(1)
  const [one, other] = await Promise.all([deployment.router('chaos-1'), deployment.router('chaos-2')])
  await Promise.all([runs(one, 1), runs(other, 1)])
  const agreed = await until(async () => (await answers(one)) === (await answers(other)), 20_000)
  t.comment(`agreed after ${agreed} ms`)
  const before = await answers(one)
  t.ok(new Set(before.split('\n')).size > 1, 'not all of them to one target')
  deployment.redis.signal('SIGKILL')
  await until(async () => (await metric(one, 'wissel_redis_up')) === 0 && (await metric(other, 'wissel_redis_up')) === 0)
  t.equal(await answers(one), before)
  t.equal(await answers(other), before)
})
