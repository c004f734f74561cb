/** A case of the list as a test among others: what is promised of it must hold, and times are not judged. */
import t from 'tap'
import { perform } from './case.ts'
import { diskCases } from './disk-cases.ts'
import { healthCases } from './health-cases.ts'
import { redisCases } from './redis-cases.ts'
import { REDIS_ABSENT } from '../state/redis-server.ts'

const all = [...redisCases, ...diskCases, ...healthCases]

/** @param title what the case of that name promises */
export function promised(title: string, name: string): void {
  t.test(title, { skip: REDIS_ABSENT }, async (t) => {
    const found = all.find((each) => each.name === name)
    if (found === undefined) return t.fail(`there is no case ${name}`)
    const { passed, figure, during } = await perform(found, { baselineMs: 500, timed: false })
    t.ok(passed, figure)
    t.equal(during.errors, 0, 'no viewer met an error')
    t.comment(figure)
  })
}
