/**
 * Keeps compiled databases, so that a router that starts again need not compile what it has compiled before: a country
 * database takes 0.4 s of it, a city database seconds.
 *
 * What is kept counts for the same bytes of the database, compiled and confirmed by the same code; whatever differs is
 * compiled anew.
 */
import { endianness } from 'node:os'
import type { CompileJob, DatabaseKind } from './compile.ts'
import type { SharedAsn, SharedGeo } from './geo-index.ts'

type Shared = SharedGeo | SharedAsn
type Compile = (job: CompileJob) => Promise<Shared>

/** Where compiled databases are kept, one of each kind. */
export interface IndexStore {
  /** All of what was written last, or `undefined`. */
  readonly read: (kind: DatabaseKind) => Promise<Uint8Array | undefined>
  /** May reject; what is there then stays. */
  readonly replace: (kind: DatabaseKind, pieces: Iterable<Uint8Array>) => Promise<void>
  readonly digest: (bytes: Uint8Array) => Promise<string>
  /** Changes with the code that compiles. */
  readonly code: () => Promise<string>
}

export interface KeptCompiler {
  readonly compile: Compile
  /** Resolves once nothing is being written. */
  settled(): Promise<void>
}

/** @param onTrouble an index could not be written, and will be compiled again; must not throw */
export function keeping(compile: Compile, store: IndexStore, onTrouble: (error: unknown) => void): KeptCompiler {
  let writing = Promise.resolve()
  return {
    compile: async (job) => {
      const { kind, file, maxBytes } = job
      // Before the file's memory moves to the thread that compiles.
      const mark = [kind, maxBytes, endianness(), await store.code(), await store.digest(file)].join(' ')
      const kept = await store.read(kind).then((bytes) => bytes && decodeIndex(bytes, mark)).catch(() => undefined)
      if (kept !== undefined) return kept
      const shared = await compile(job)
      writing = writing.then(() => store.replace(kind, encodeIndex(shared, mark))).catch(onTrouble)
      return shared
    },
    settled: () => writing,
  }
}

interface Header {
  readonly mark: string
  readonly kind: DatabaseKind
  readonly databaseType: string
  readonly builtAt: number
  /** Of each array. */
  readonly bytes: readonly number[]
}

/** Bytes that are copied at once. */
const CHUNK = 2 ** 20

/** A line of JSON and the arrays one after the other. */
export function* encodeIndex(shared: Shared, mark: string): Generator<Buffer, void> {
  const { kind, databaseType, builtAt } = shared
  const arrays = arraysOf(shared)
  yield Buffer.from(`${JSON.stringify({ mark, kind, databaseType, builtAt, bytes: arrays.map(({ byteLength }) => byteLength) } satisfies Header)}\n`)
  for (const { buffer, byteOffset, byteLength } of arrays) {
    // Copies: what is written to a file may not lie in shared memory.
    for (let at = 0; at < byteLength; at += CHUNK) yield Buffer.from(new Uint8Array(buffer, byteOffset + at, Math.min(CHUNK, byteLength - at)))
  }
}

/**
 * `undefined` where the index bears another mark.
 * @param bytes all of what `encodeIndex` made
 */
export function decodeIndex(bytes: Uint8Array, mark: string): Shared | undefined {
  const line = bytes.indexOf(0x0a)
  const header = JSON.parse(Buffer.from(bytes.subarray(0, line)).toString()) as Header
  if (header.mark !== mark) return undefined
  let at = line + 1
  const [tree = NONE, jump4 = NONE, jump6 = NONE, first = NONE, continents = NONE, coordinates = NONE] = header.bytes.map((length) => {
    const buffer = new SharedArrayBuffer(length)
    new Uint8Array(buffer).set(bytes.subarray(at, at + length))
    at += length
    return buffer
  })
  const { kind, databaseType, builtAt } = header
  const facts = { databaseType, builtAt, trie: { tree: new Int32Array(tree), jump4: new Int32Array(jump4), jump6: new Int32Array(jump6) } }
  if (kind === 'asn') return { kind, ...facts, numbers: new Uint32Array(first) }
  return { kind, ...facts, places: { countries: new Uint16Array(first), continents: new Uint16Array(continents), coordinates: new Float32Array(coordinates) } }
}

const NONE = new SharedArrayBuffer(0)

function arraysOf(shared: Shared): readonly { readonly buffer: SharedArrayBuffer, readonly byteOffset: number, readonly byteLength: number }[] {
  const { tree, jump4, jump6 } = shared.trie
  if (shared.kind === 'asn') return [tree, jump4, jump6, shared.numbers]
  const { countries, continents, coordinates } = shared.places
  return [tree, jump4, jump6, countries, continents, coordinates]
}
