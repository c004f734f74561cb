/** The plaintext of a segment: a line that says where it belongs, a line per record, and empty lines up to the padded length. */

/** Sealed with the records, so that a segment that was moved gives itself away to whoever opens it, whoever signed its checkpoint. */
export function segmentHeader(router: string, day: string): string {
  return `${JSON.stringify({ archive: 1, router, day })}\n`
}

/** The lines of records; undefined where the header is not that of this router and day. */
export function linesOf(plaintext: Uint8Array, router: string, day: string): string[] | undefined {
  const [header, ...lines] = Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).toString().split('\n')
  return `${header}\n` === segmentHeader(router, day) ? lines.filter((line) => line !== '') : undefined
}
