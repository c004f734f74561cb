/** The files of one configuration, as text: what a directory holds, what is published, and what a snapshot is built from. */
import { createHash } from 'node:crypto'

export const KINDS = ['targets', 'services', 'zones', 'policies'] as const
export type Kind = (typeof KINDS)[number]

export interface BundleFile {
  /** `<kind>/<name>.yaml`, with forward slashes. */
  readonly path: string
  readonly text: string
}

export interface Bundle {
  /** Version of this format. */
  readonly schema: 1
  /** Sorted by path, so that equal configurations have equal digests. */
  readonly files: readonly BundleFile[]
}

export function bundleOf(files: readonly BundleFile[]): Bundle {
  return { schema: 1, files: [...files].sort((a, b) => (a.path < b.path ? -1 : 1)) }
}

export function encodeBundle(bundle: Bundle): Buffer {
  return Buffer.from(JSON.stringify(bundle))
}

/** Throws where the bytes are not a bundle of this version; what the files say is judged when a snapshot is built. */
export function decodeBundle(bytes: Uint8Array): Bundle {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  if (typeof value !== 'object' || value === null || !('schema' in value) || !('files' in value)) throw new TypeError('not a bundle')
  if (value.schema !== 1) throw new TypeError(`bundle schema ${String(value.schema)} is not 1; update the router`)
  if (!Array.isArray(value.files)) throw new TypeError('a bundle without files')
  return bundleOf(value.files.map(fileOf))
}

function fileOf(value: unknown): BundleFile {
  if (typeof value !== 'object' || value === null || !('path' in value) || !('text' in value)) throw new TypeError('not a file of a bundle')
  const { path, text } = value
  if (typeof path !== 'string' || typeof text !== 'string') throw new TypeError('not a file of a bundle')
  return { path, text }
}

/** SHA-256 of the encoded bundle, in hexadecimal. */
export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
