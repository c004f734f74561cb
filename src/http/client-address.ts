/**
 * Whose request it is: the rightmost hop that no configured proxy vouches for. Nothing is trusted by default.
 *
 * Each proxy appends the address that it saw to `X-Forwarded-For`, so the list is read from the right, and reading stops
 * at the first address that is not a proxy of ours: everything left of it is that client's own claim. `Forwarded`
 * (RFC 7239) and spellings with underscores are ignored. What cannot be read makes the client unknown, never somebody else.
 */
import { ClientAddress } from '../privacy/address.ts'
import { ClientPort } from '../privacy/port.ts'
import { fieldsIn } from './fields.ts'
import type { WireRequest } from './message.ts'

/** Hops that are read, from the right. */
export const MAX_HOPS = 20
/** Bytes that are read, from the right. */
export const MAX_FORWARDED = 1024

export interface Client {
  /** Undefined: not known. */
  readonly address: ClientAddress | undefined
  /** Whether the socket's peer is a trusted proxy. */
  readonly viaProxy: boolean
  /** Whether the walk ended at something that is no address, or at a limit. */
  readonly invalid: boolean
}

/** One entry of the list. */
interface Hop {
  readonly address: ClientAddress
  readonly text: string
}

/** @param forwarded `X-Forwarded-For`, of all headers of that name one list */
export function clientAddress(peer: string, forwarded: string | undefined, trusted: TrustedProxies): Client {
  const { address, isProxy } = trusted.peer(peer)
  if (!isProxy) return { address, viaProxy: false, invalid: false }
  const list = listOf(forwarded)
  if (list === undefined) return { address, viaProxy: true, invalid: false }
  const hop = walk(list, trusted)
  return { address: hop?.address, viaProxy: true, invalid: hop === undefined }
}

/**
 * The port that goes with the address that `clientAddress` finds for the same request; undefined where it is not known, as
 * behind a proxy that passes on addresses alone. Asked for where there is an archive, and nowhere else.
 */
export function clientPort({ peer, port, headers, fields }: Pick<WireRequest, 'peer' | 'port' | 'headers' | 'fields'>, trusted: TrustedProxies): ClientPort | undefined {
  if (!trusted.peer(peer).isProxy) return port
  const list = listOf((fields ?? fieldsIn(headers)).forwardedFor)
  if (list === undefined) return port
  const viewer = walk(list, trusted)
  return viewer === undefined ? undefined : ClientPort.behind(viewer.text)
}

function walk(forwarded: string, trusted: TrustedProxies): Hop | undefined {
  const floor = forwarded.length - MAX_FORWARDED
  let end = forwarded.length
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    const comma = commaBefore(forwarded, end, floor)
    if (comma + 1 < floor) return undefined
    const text = forwarded.slice(comma + 1, end)
    const address = ClientAddress.parse(text)
    if (address === undefined) return undefined
    if (comma === -1 || !trusted.has(address)) return { address, text }
    end = comma
  }
  return undefined
}

/** Where the last comma before `end` is; -1 where there is none; less than `floor - 1` where there is none up to there. Most lists are one address. */
function commaBefore(list: string, end: number, floor: number): number {
  let at = end - 1
  while (at >= 0 && at >= floor - 1 && list.charCodeAt(at) !== COMMA) at--
  return at
}

const [SPACE, COMMA, DELETE] = [0x20, 0x2c, 0x7f] as const

/** Undefined where there is nothing in it. */
function listOf(forwarded: string | undefined): string | undefined {
  if (forwarded === undefined) return undefined
  const first = forwarded.charCodeAt(0)
  return (first > SPACE && first < DELETE) || forwarded.trim() !== '' ? forwarded : undefined
}

interface Peer {
  readonly text: string
  readonly address: ClientAddress | undefined
  readonly isProxy: boolean
}

interface Network {
  readonly family: 4 | 6
  readonly words: readonly number[]
  readonly masks: readonly number[]
}

/** The networks of an operator's own proxies. */
export class TrustedProxies {
  readonly #networks: readonly Network[]
  /** The latest. Behind a proxy there are few, and each asks thousands of times. */
  #peer: Peer = { text: '', address: undefined, isProxy: false }

  private constructor(networks: readonly Network[]) {
    this.#networks = networks
  }

  /**
   * @param networks addresses or CIDR blocks; bits behind the prefix are ignored
   * @throws RangeError for what is neither
   */
  static parse(networks: readonly string[]): TrustedProxies {
    return new TrustedProxies(networks.map(parseNetwork))
  }

  /** @param text a socket's remote address; empty where it is not known */
  peer(text: string): Peer {
    if (text !== this.#peer.text) {
      const address = ClientAddress.parse(text)
      this.#peer = { text, address, isProxy: address !== undefined && this.has(address) }
    }
    return this.#peer
  }

  has(address: ClientAddress): boolean {
    for (const network of this.#networks) if (contains(network, address)) return true
    return false
  }
}

function contains({ family, words, masks }: Network, address: ClientAddress): boolean {
  if (family !== address.family) return false
  for (const position of POSITIONS) {
    const mask = masks[position] ?? 0
    if (mask === 0) return true
    if ((address.word(position) & mask) !== words[position]) return false
  }
  return true
}

const POSITIONS = [0, 1, 2, 3] as const

function parseNetwork(text: string): Network {
  const [, base = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = ClientAddress.parse(base)
  // An IPv4 address that is written as IPv6 was shortened by 96 bits.
  const cut = address?.family === 4 && base.includes(':') ? 96 : 0
  const most = address?.family === 4 ? 32 : 128
  const bits = length === undefined ? most : Number(length) - cut
  if (address === undefined || bits < 0 || bits > most) {
    throw new RangeError(`trusted proxy ${JSON.stringify(text)} is not a network: write it like 192.0.2.0/24 or 2001:db8::/32`)
  }
  const masks = POSITIONS.map((position) => maskOf(bits - position * 32))
  const words = POSITIONS.map((position) => address.word(position) & (masks[position] ?? 0))
  return { family: address.family, words, masks }
}

function maskOf(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? -1 : -1 << (32 - bits)
}
