/**
 * What a client says it is, as it was sent. It is kept nowhere but in the sealed archive; records hold a class of it, and so do
 * the side counters, for which its text goes to the main thread. Bytes, because whoever looks through all of them for every request finds them faster than characters of a text.
 */

export class UserAgent {
  /** Latin-1. They may hold the rest of the request, too. */
  readonly bytes: Uint8Array
  readonly start: number
  /** Behind the last. */
  readonly end: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.start = start
    this.end = end
  }

  /** @param text of Latin-1 characters, as headers are */
  static of(text: string): UserAgent {
    const bytes = Buffer.from(text, 'latin1')
    return new UserAgent(bytes, 0, bytes.length)
  }

  get text(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.start, this.end - this.start).toString('latin1')
  }
}
