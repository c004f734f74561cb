/** What a test still holds in memory. */
import { getHeapSnapshot, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

/** MiB on the heap after garbage was collected. */
export function heapUsed(): number {
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}

/** Which of some texts are on the heap, within whatever text. @param parts of each, lest the question put it there */
export async function heapHolds(...texts: readonly (readonly string[])[]): Promise<boolean[]> {
  const chunks: Buffer[] = []
  for await (const chunk of getHeapSnapshot()) chunks.push(Buffer.from(chunk as Buffer))
  const all = Buffer.concat(chunks)
  return texts.map((parts) => all.includes(parts.join('')))
}
