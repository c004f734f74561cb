/**
 * The time, read once for all requests that are decided together, a fraction of a millisecond apart: V8 leaves its compiled code
 * for each reading.
 *
 * @param read milliseconds
 * @param afterwards runs what it is given as soon as what runs now is over
 */
export function turnClock(read: () => number, afterwards: (forget: () => void) => void): () => number {
  let now: number | undefined
  const forget = () => {
    now = undefined
  }
  return () => {
    if (now !== undefined) return now
    afterwards(forget)
    return (now = read())
  }
}
