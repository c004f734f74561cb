import fc from 'fast-check'
import t from 'tap'
import { minuteOf } from '../../src/privacy/minute.ts'
import { isMinute } from '../../src/privacy/values.ts'

t.test('a time is cut off to its minute, in UTC', async (t) => {
  t.equal(minuteOf(Date.UTC(2026, 2, 1, 20, 31, 59, 999)), '2026-03-01T20:31Z')
  t.equal(minuteOf(Date.UTC(2026, 2, 1, 20, 32)), '2026-03-01T20:32Z')
  t.equal(minuteOf(Date.UTC(2028, 1, 29, 23, 59)), '2028-02-29T23:59Z')
})

t.test('a time that is none gives the nearest end, never an error', async (t) => {
  for (const none of [NaN, -1, -Infinity, 0]) t.equal(minuteOf(none), '1970-01-01T00:00Z')
  for (const late of [Infinity, 1e300, 8.64e15]) t.equal(minuteOf(late), '9999-12-31T23:59Z')
})

t.test('every time within one minute gives the same text', async () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e9 }), fc.nat(59_999), (minute, ms) => {
    const text = minuteOf(minute * 60_000 + ms)
    return isMinute(text) && text === minuteOf(minute * 60_000) && Date.parse(text) === minute * 60_000
  }))
})
