/** The fast lane for as long as there is time: it takes nothing that `node:http` would refuse or read in another way. */
import { Judge, mutant } from '../http/plain-mutants.ts'

/**
 * @param untilMs milliseconds since the epoch
 * @param random in [0, 1)
 * @returns how many requests were tried
 * @throws Error at the first one that was read in two ways
 */
export async function fuzz(untilMs: number, random: () => number): Promise<number> {
  const judge = new Judge()
  while (judge.tried % 1024 !== 0 || Date.now() < untilMs) {
    const mismatch = await judge.judge(mutant(random))
    if (mismatch !== undefined) throw new Error(`read in two ways: ${JSON.stringify(mismatch)}`)
  }
  const mismatch = await judge.finish()
  if (mismatch !== undefined) throw new Error(`read in two ways: ${JSON.stringify(mismatch)}`)
  return judge.tried
}
