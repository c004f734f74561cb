/** Worker thread: compiles one file, because a city database takes seconds and the main thread must keep answering. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { GeoDatabaseError } from './geo-error.ts'
import { compileAsn, compileGeo } from './mmdb.ts'
import { confirm } from './second-opinion.ts'
import type { CompileJob, CompileResult } from './compile.ts'

if (!isMainThread) parentPort?.postMessage(run(workerData))

function run({ kind, file, maxBytes }: CompileJob): CompileResult {
  try {
    const index = kind === 'geo' ? compileGeo(file, maxBytes) : compileAsn(file, maxBytes)
    confirm(index, file)
    return { shared: index.share() }
  } catch (error) {
    if (error instanceof GeoDatabaseError) return { refused: error.message }
    throw error
  }
}
