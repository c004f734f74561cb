/** Raw records of one day that wait to be sealed, as bytes that can be overwritten: strings of JavaScript cannot. */
import { minuteOf } from '../privacy/minute.ts'

/** Plaintexts are padded to a multiple of this, so that the size of a segment tells little. */
export const PAD_BYTES = 64 * 1024
/** Plaintext of one segment at most. */
export const SEGMENT_BYTES = 1024 * 1024
const NEWLINE = 10

export class Batch {
  readonly day: string
  readonly recipients: readonly [string, string]
  /** Records. */
  count = 0
  /** Bytes of memory. It stays when the plaintext was handed over, because the ciphertext takes as much. */
  size = PAD_BYTES
  #bytes: Buffer<ArrayBuffer>
  #used: number
  #first = Infinity
  #last = -Infinity

  constructor(day: string, recipients: readonly [string, string], header: string) {
    this.day = day
    this.recipients = recipients
    // Padding is empty lines, and stands there from the start.
    this.#bytes = Buffer.alloc(PAD_BYTES, NEWLINE)
    this.#used = this.#bytes.write(header)
  }

  /** UTC minutes of the first and the last record. */
  get minutes(): { readonly from: string, readonly to: string } {
    return { from: minuteOf(this.#first), to: minuteOf(this.#last) }
  }

  /** Bytes that the batch would grow by; undefined where the line does not fit any more. */
  growthFor(line: string): number | undefined {
    const needed = this.#used + Buffer.byteLength(line)
    if (needed > SEGMENT_BYTES) return undefined
    let size = this.size
    while (size < needed) size *= 2
    return size - this.size
  }

  /** For a line that fits. */
  add(line: string, time: number): void {
    const growth = this.growthFor(line) ?? 0
    if (growth > 0) {
      const larger = Buffer.alloc(this.size + growth, NEWLINE)
      this.#bytes.copy(larger, 0, 0, this.#used)
      this.#bytes.fill(0)
      this.#bytes = larger
      this.size = larger.length
    }
    this.#used += this.#bytes.write(line, this.#used)
    this.count++
    this.#first = Math.min(this.#first, time)
    this.#last = Math.max(this.#last, time)
  }

  /** The padded plaintext. Its memory is the receiver's from now on: the batch is not to be added to any more. */
  plaintext(): Uint8Array<ArrayBuffer> {
    const padded = Math.ceil(this.#used / PAD_BYTES) * PAD_BYTES
    return this.#bytes.subarray(0, padded)
  }
}
