/** Lines as sinks are given them, one by one. */
import type { Lines } from '../../src/log/sinks/sink.ts'

/** Each with its line end, and the decisions that it stands for. */
export function linesOneByOne({ bytes, counts }: Lines): [line: string, count: number][] {
  const lines = Buffer.from(bytes).toString().split('\n').slice(0, -1)
  if (lines.length !== counts.length) throw new Error(`${lines.length} lines, ${counts.length} counts`)
  return lines.map((line, i) => [`${line}\n`, counts[i] ?? 0])
}

/** A sink's `write` that is given one line at a time. */
export function lineByLine(take: (line: string, count: number) => void): (lines: Lines) => void {
  return (lines) => {
    for (const [line, count] of linesOneByOne(lines)) take(line, count)
  }
}
