// The most telling of the cases: what routers are told through Redis, and what they do alike.
import t from 'tap'
import { deploy, metric, runs, Scope } from './deployment.ts'
import type { Router } from './deployment.ts'
import { promised } from './promised.ts'
import { ask } from '../e2e/running.ts'
import { REDIS_ABSENT, until } from '../state/redis-server.ts'

promised('an operator\'s drain reaches the router through Redis', 'a target drained by command, through redis')

const VIEWERS = Array.from({ length: 40 }, (_, i) => `198.51.100.${i + 1}`)

async function answers({ running }: Router): Promise<string> {
  const replies = await Promise.all(VIEWERS.map((viewer) => ask(`${running.public}/chaos/live/master.m3u8`, { headers: { 'x-forwarded-for': viewer } })))
  return replies.map(({ status, headers }) => `${status} ${headers.location ?? ''}`).join('\n')
}

t.test('forty viewers are sent to the same targets by each of two routers, and still are when Redis is gone', { skip: REDIS_ABSENT }, async (t) => {
  const scope = new Scope()
  t.teardown(() => scope.close())
  const deployment = await deploy(scope)
  // A late answer to a check would change who is sent where.
  deployment.checks = 'intervalSeconds: 0.5, timeoutSeconds: 30, fall: 10'
  await deployment.apply(1)
  const [one, other] = await Promise.all([deployment.router('chaos-1'), deployment.router('chaos-2')])
  await Promise.all([runs(one, 1, 60_000), runs(other, 1, 60_000)])
  let before = ''
  const agreed = await until(async () => {
    const last = before
    before = await answers(one)
    return before === last && before === (await answers(other))
  })
  t.comment(`agreed after ${agreed} ms`)
  t.ok(new Set(before.split('\n')).size > 1, 'not all of them to one target')
  deployment.redis.signal('SIGKILL')
  await until(async () => (await metric(one, 'wissel_redis_up')) === 0 && (await metric(other, 'wissel_redis_up')) === 0)
  t.equal(await answers(one), before)
  t.equal(await answers(other), before)
})
