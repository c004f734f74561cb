/** Redirect safety for as long as there is time: no request leads anywhere but behind a configured base. */
import { PROXY, fault, hostileRequest } from '../http/open-redirect.ts'
import { tinyRouter } from '../http/tiny-router.ts'

/**
 * @param untilMs milliseconds since the epoch
 * @param random in [0, 1)
 * @returns how many requests were tried
 * @throws Error at the first one that was answered wrongly
 */
export function fuzz(untilMs: number, random: () => number): number {
  const route = tinyRouter([PROXY])
  let tried = 0
  while (tried % 1024 !== 0 || Date.now() < untilMs) {
    const wire = hostileRequest(random)
    const wrong = fault(wire, route(wire))
    if (wrong !== undefined) throw new Error(`${wrong}: ${JSON.stringify(wire)}`)
    tried++
  }
  return tried
}
