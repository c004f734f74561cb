/** What a MaxMind DB file says of itself at its end, checked against the file's size. */
import { GeoDatabaseError, REPLACE } from './geo-error.ts'
import { Section, names } from './mmdb-section.ts'

export interface Metadata {
  readonly nodeCount: number
  /** Bits of one of the two halves of a node. */
  readonly recordSize: 24 | 28 | 32
  readonly ipVersion: 4 | 6
  readonly databaseType: string
  /** Milliseconds since the epoch. */
  readonly builtAt: number
  /** Where the data section starts and ends; the tree is before it, from byte 0. */
  readonly dataStart: number
  readonly dataEnd: number
}

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
/** The format allows this much for the metadata with its marker. */
const MAX_METADATA = 128 * 1024
/** Zero bytes between tree and data. */
export const SEPARATOR = 16
/** Values of an honest metadata section are a few dozen: descriptions in some languages. */
const BUDGET = 10_000
const LAST_DATE = 8.64e12

const FIELDS = names('binary_format_major_version', 'node_count', 'record_size', 'ip_version', 'database_type', 'build_epoch')

/** @throws GeoDatabaseError */
export function readMetadata(file: Buffer): Metadata {
  if (file.length === 0) throw new GeoDatabaseError(`geo database is empty; ${REPLACE}`)
  if (file[0] === 0x1f && file[1] === 0x8b) throw new GeoDatabaseError('geo database is compressed with gzip; unpack it')
  const tail = Math.max(0, file.length - MAX_METADATA)
  const marker = file.subarray(tail).lastIndexOf(MARKER)
  if (marker === -1) throw new GeoDatabaseError(`geo database has no metadata, so it is truncated or not an MMDB file; ${REPLACE}`)
  const dataEnd = tail + marker
  const start = dataEnd + MARKER.length

  const section = new Section(file, start, file.length, BUDGET)
  const found = new Int32Array(FIELDS.length)
  if (!section.fields(start, FIELDS, found)) throw wrong('is not a map')
  const [major = -1, nodes = -1, record = -1, version = -1, type = -1, epoch = -1] = found
  if (section.number(major) !== 2) throw wrong('has a format version other than 2')
  const recordSize = section.number(record)
  if (recordSize !== 24 && recordSize !== 28 && recordSize !== 32) throw wrong('has a record size other than 24, 28 or 32')
  const ipVersion = section.number(version)
  if (ipVersion !== 4 && ipVersion !== 6) throw wrong('has an IP version other than 4 or 6')
  const databaseType = section.text(type)
  if (databaseType === undefined) throw wrong('has no database type')
  const seconds = section.number(epoch)
  if (seconds === undefined || seconds < 0 || seconds > LAST_DATE) throw wrong('has no plausible build time')
  const nodeCount = section.number(nodes)
  if (nodeCount === undefined || !Number.isInteger(nodeCount) || nodeCount < 1) throw wrong('has no node count')

  const treeSize = (nodeCount * recordSize) / 4
  const dataStart = treeSize + SEPARATOR
  if (dataStart > dataEnd) throw new GeoDatabaseError(`geo database is shorter than its ${nodeCount} nodes; it is truncated: ${REPLACE}`)
  if (file.subarray(treeSize, dataStart).some((byte) => byte !== 0)) throw wrong('does not fit the tree: no gap of zeros follows it')
  return { nodeCount, recordSize, ipVersion, databaseType: printable(databaseType), builtAt: seconds * 1000, dataStart, dataEnd }
}

/** The name goes into logs and metrics, and whoever made the file chose it. */
function printable(text: string): string {
  return text.replace(/[^\w .,()+/-]/g, '?').slice(0, 64)
}

function wrong(what: string): GeoDatabaseError {
  return new GeoDatabaseError(`geo database's metadata ${what}; ${REPLACE}`)
}
