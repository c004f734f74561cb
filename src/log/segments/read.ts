/** Lines of files, one after the other, in bounded memory. */
import { createReadStream } from 'node:fs'

/** A record is far shorter. What is longer is cut off there. */
export const MAX_LINE = 64 * 1024

export interface FileLine {
  readonly text: string
  /** Whether the file ended before the line did. */
  readonly torn: boolean
}

/** Rejects where the file cannot be read. */
export async function* linesOf(path: string): AsyncGenerator<FileLine> {
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8' }) as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = (lines.pop() ?? '').slice(0, MAX_LINE)
    for (const text of lines) yield { text: text.slice(0, MAX_LINE), torn: false }
  }
  if (rest !== '') yield { text: rest, torn: true }
}
