/**
 * A viewer's source port: behind a shared gateway an address means nobody without it (RFC 6302). It may reach the sealed
 * archive and nothing else.
 *
 * Like an address it is a class with a private value, so that no record, message or error can hold it by accident:
 * printing, inspecting or serialising it gives `[port]`.
 */

const HIDDEN = '[port]'
const MAX = 65_535

export class ClientPort {
  readonly #number: number | undefined
  static readonly #unknown = new ClientPort(undefined)

  private constructor(number: number | undefined) {
    this.#number = number
  }

  /** What is no port, 0 included, is an unknown one. */
  static of(number: number | undefined): ClientPort {
    return number !== undefined && Number.isInteger(number) && number > 0 && number <= MAX ? new ClientPort(number) : ClientPort.#unknown
  }

  /** The port behind an address, as some proxies write it: `192.0.2.1:51234` or `[2001:db8::1]:51234`. */
  static behind(address: string): ClientPort {
    const [, digits] = /^\s*(?:[\d.]+|\[[^\]]*\]):(\d{1,5})\s*$/.exec(address) ?? []
    return ClientPort.of(digits === undefined ? undefined : Number(digits))
  }

  /** For the archive's record alone; undefined where the port is not known. */
  portNumber(): number | undefined {
    return this.#number
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return HIDDEN
  }
}
