/** What the contestants wrote down. */
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/**
 * The sum of `n` over a log of JSON lines, which is deleted. Rejects where a line does not end with it: then it is
 * no line of a decision.
 */
export async function takeDecisions(path: string): Promise<number> {
  let sum = 0
  for await (const line of createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Infinity })) {
    const n = line.slice(line.lastIndexOf('"n":') + 4, -1)
    if (!/^\d+$/.test(n) || !line.endsWith('}')) throw new Error(`not a line of a decision: ${line.slice(0, 200)}`)
    sum += Number(n)
  }
  await rm(path)
  return sum
}
