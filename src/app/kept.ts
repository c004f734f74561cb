/**
 * What a router keeps in its state directory so that it starts sooner the next time: compiled geo databases, and what the
 * documents of its configuration say. All of it counts for the very same files and the very same code, and can be thrown away.
 */
import { randomUUID } from 'node:crypto'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileInWorker } from '../geo/compile.ts'
import { keeping } from '../geo/kept.ts'
import type { KeptCompiler } from '../geo/kept.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import { DocumentMemory } from '../policy/document.ts'
import { decodeDocuments, encodeDocuments } from '../policy/kept-documents.ts'
import { readChecked, replaceChecked, sha256 } from '../state/checked-file.ts'
import { fileIO } from '../state/durable-file.ts'
import { codeOf } from '../system.ts'

export interface Kept {
  readonly compile: KeptCompiler['compile']
  /** As they were kept last, or empty. */
  documents(): Promise<DocumentMemory>
  /** Keeps them some seconds later, or at the end, where there are others than before. */
  keepDocuments(memory: DocumentMemory): void
  /** Writes what waits. Resolves once nothing is being written. */
  settled(): Promise<void>
}

const DOCUMENTS = 'documents'
/** Milliseconds after a change until all of it is written: who changes the configuration every second does not pay for it every second. */
const GATHERING_MS = 10_000

export function openKept(stateDirectory: string, messages: OperatorLog): Kept {
  const directory = join(stateDirectory, 'compiled')
  // Once: an update in place changes the files under a router that goes on running what it has loaded.
  const compilers = digestOf(geoCode())
  const readers = digestOf(documentCode())
  const replace = (name: string, pieces: Iterable<Uint8Array>) => replaceChecked(fileIO, directory, name, pieces)
  const onTrouble = (error: unknown) => messages.warn('start_not_kept', { file: directory, code: codeOf(error) })
  const compiler = keeping(compileInWorker, { read: (kind) => readChecked(fileIO, join(directory, kind)), replace, digest: sha256, code: () => compilers }, onTrouble)
  let kept = ''
  let writing = Promise.resolve()
  let waiting: { readonly memory: DocumentMemory, readonly timer: NodeJS.Timeout } | undefined
  const write = () => {
    if (waiting === undefined) return
    const { memory, timer } = waiting
    clearTimeout(timer)
    waiting = undefined
    kept = stateOf(memory)
    // The next reading may begin before this is written.
    const known = [...memory.known()]
    writing = writing.then(async () => replace(DOCUMENTS, encodeDocuments(known, await readers))).catch(onTrouble)
  }
  return {
    compile: compiler.compile,
    documents: async () => {
      await sweep(directory)
      const bytes = await readChecked(fileIO, join(directory, DOCUMENTS))
      try {
        const memory = decodeDocuments(bytes ?? new Uint8Array(), await readers)
        kept = stateOf(memory)
        return memory
      } catch {
        // Longer than a text can be, say.
        return new DocumentMemory()
      }
    },
    keepDocuments: (memory) => {
      if (waiting !== undefined || stateOf(memory) === kept) return
      waiting = { memory, timer: setTimeout(write, GATHERING_MS).unref() }
    },
    settled: async () => {
      write()
      await Promise.all([compiler.settled(), writing])
    },
  }
}

/** Changes with what is known: something else is read, or something is forgotten. */
function stateOf(memory: DocumentMemory): string {
  return `${memory.parsed} ${memory.known().size}`
}

/** Milliseconds after which nobody writes any more what was begun. */
const ABANDONED_MS = 600_000

/** A router that is killed while it writes leaves a part, which may be as large as a database. */
async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.endsWith('.part')) continue
    const path = join(directory, name)
    await stat(path).then(({ mtimeMs }) => (Date.now() - mtimeMs > ABANDONED_MS ? rm(path, { force: true }) : undefined)).catch(() => undefined)
  }
}

/** What decides what becomes of a database: another version of it makes another index. */
async function geoCode(): Promise<string[]> {
  const folder = join(import.meta.dirname, '../geo')
  return [...(await readdir(folder)).sort().map((name) => join(folder, name)), fileURLToPath(import.meta.resolve('maxmind/package.json'))]
}

/** What decides what a document says. */
async function documentCode(): Promise<string[]> {
  const folder = join(import.meta.dirname, '../policy')
  return [join(folder, 'document.ts'), join(folder, 'kept-documents.ts'), fileURLToPath(import.meta.resolve('yaml/package.json'))]
}

/** What no other one equals, where the files cannot be read: then nothing that was kept counts. */
async function digestOf(files: Promise<readonly string[]>): Promise<string> {
  try {
    return await sha256(Buffer.concat(await Promise.all((await files).map((file) => readFile(file)))))
  } catch {
    return randomUUID()
  }
}
