/** In what forms a text or an address might leak: as it is, spelled otherwise, encoded, reversed and hashed. */
import { createHash } from 'node:crypto'

/** Binary strings (a character per byte) to be looked for. */
export function formsOfText(text: string): string[] {
  const spelled = new Set([text, text.toLowerCase(), text.toUpperCase(), [...text].reverse().join('')])
  return [...new Set([...spelled].flatMap(encodings))].filter((form) => form.length >= 6)
}

/** The bare number is among them: what is looked for must not stand in the middle of a longer one. */
export function formsOfPort(port: number): string[] {
  return [String(port), ...formsOfText(String(port)), ...formsOfText(`0x${port.toString(16)}`)]
}

export function formsOfAddress(address: string): string[] {
  const spelled = address.includes(':') ? spellings6(address) : spellings4(address)
  return [...new Set([...spelled.text.flatMap(encodings), ...encodings(spelled.bytes.toString('latin1'))])].filter((form) => form.length >= 6)
}

function encodings(text: string): string[] {
  const bytes = Buffer.from(text, 'latin1')
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
  const utf16 = Buffer.from(text, 'utf16le')
  const hashes = ['md5', 'sha1', 'sha256'].flatMap((name) => {
    const hash = createHash(name).update(bytes).digest()
    return [hash.toString('hex'), hash.toString('hex').toUpperCase(), hash.toString('base64').replace(/=+$/, ''), hash.toString('base64url'), hash.toString('latin1')]
  })
  return [
    text, encodeURIComponent(text), percent, percent.toUpperCase(), bytes.toString('hex'), bytes.toString('hex').toUpperCase(),
    utf16.toString('latin1'), Buffer.from(utf16).swap16().toString('latin1'),
    // Within a longer text the letters depend on where it begins: three ways, without the letters at the edges.
    ...[0, 1, 2].flatMap((before) => {
      const inside = Buffer.concat([Buffer.alloc(before), bytes])
      const cut = (encoded: string) => encoded.replace(/=+$/, '').slice(before === 0 ? 0 : before + 1, inside.length % 3 === 0 ? undefined : -1)
      return [cut(inside.toString('base64')), cut(inside.toString('base64url'))]
    }),
    ...hashes,
  ]
}

interface Spelled {
  readonly text: string[]
  readonly bytes: Buffer
}

function spellings4(address: string): Spelled {
  const octets = address.split('.').map(Number)
  const bytes = Buffer.from(octets)
  const hex = bytes.toString('hex')
  const [a, b] = [hex.slice(0, 4), hex.slice(4)]
  const backwards = octets.toReversed()
  return {
    bytes,
    text: [
      address, octets.join('-'), octets.join('_'), octets.map((octet) => String(octet).padStart(3, '0')).join('.'), `${octets.slice(0, 3).join('.')}.`,
      backwards.join('.'), `${backwards.join('.')}.in-addr.arpa`, String(bytes.readUInt32BE()), String(bytes.readInt32BE()), String(bytes.readUInt32LE()),
      hex, hex.toUpperCase(), `0x${hex}`, octets.map((octet) => octet.toString(16)).join('.'),
      `::ffff:${address}`, `::ffff:${a}:${b}`, `::FFFF:${a.toUpperCase()}:${b.toUpperCase()}`, `0000:0000:0000:0000:0000:ffff:${a}:${b}`, `64:ff9b::${a}:${b}`,
    ],
  }
}

function spellings6(address: string): Spelled {
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  const groups = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after].map((group) => group.padStart(4, '0'))
  const hex = groups.join('')
  const short = groups.map((group) => group.replace(/^0{1,3}/, ''))
  return {
    bytes: Buffer.from(hex, 'hex'),
    text: [
      address, address.toUpperCase(), groups.join(':'), groups.join(':').toUpperCase(), short.join(':'), hex, hex.toUpperCase(), `0x${hex}`, String(BigInt(`0x${hex}`)),
      `${short.slice(0, 4).join(':')}:`, `${groups.slice(0, 4).join(':')}:`, hex.slice(0, 16), `${short.slice(0, 3).join(':')}:`,
      `${[...hex].reverse().join('.')}.ip6.arpa`, short.join('-'), short.join('_'), address.replaceAll(':', '-'),
    ],
  }
}
