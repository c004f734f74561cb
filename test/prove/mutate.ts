/** Plants each leak in a copy of the sources and has the proof look for it. */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTANTS } from './mutants.ts'
import type { Mutant } from './mutants.ts'

const root = join(import.meta.dirname, '..', '..')

/** Milliseconds for one look at one mutant: half a minute where nothing else runs. */
const LIMIT_MS = 400_000

export interface Killed {
  readonly leak: string
  /** `survived`: nothing noticed it. `broken`: the copy does not run. */
  readonly by: 'non-interference' | 'canaries' | 'survived' | 'broken'
  /** The line that the killer said. */
  readonly said: string
}

/** @param parallel copies at once */
export async function mutate(tell: (killed: Killed) => void, parallel = 2, mutants: readonly Mutant[] = MUTANTS): Promise<Killed[]> {
  const results: Killed[] = []
  const waiting = [...mutants]
  await Promise.all(Array.from({ length: parallel }, async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const killed = await judge(mutant)
      tell(killed)
      results.push(killed)
    }
  }))
  return results
}

async function judge(mutant: Mutant): Promise<Killed> {
  const { leak } = mutant
  const copy = mkdtempSync(join(tmpdir(), 'wissel-mutant-'))
  try {
    plant(mutant, copy)
    for (const by of ['non-interference', 'canaries'] as const) {
      const { status, text } = await prove(copy, by)
      const [said = ''] = /(?:\S+ tells two people apart|^hit .*)/m.exec(text) ?? []
      if (status === 1 && said !== '') return { leak, by, said: said.slice(0, 120) }
      if (status !== 0) return { leak, by: 'broken', said: text.trim().slice(-400) }
    }
    return { leak, by: 'survived', said: '' }
  } catch (error) {
    return { leak, by: 'broken', said: error instanceof Error ? error.message : '' }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function plant(mutant: Mutant, copy: string): void {
  for (const folder of ['src', 'config', 'bin', join('test', 'prove'), join('test', 'log'), join('test', 'state'), join('test', 'archive')]) cpSync(join(root, folder), join(copy, folder), { recursive: true })
  for (const file of ['package.json', join('test', 'free-port.ts')]) cpSync(join(root, file), join(copy, file))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const [file, text] of planted(mutant)) writeFileSync(join(copy, 'src', file), text)
}

/** The files that a leak changes. Throws where the sources no longer have the place that it is planted in. */
export function planted({ leak, edits }: Mutant): Map<string, string> {
  const files = new Map<string, string>()
  for (const { file, find, replace } of edits) {
    const text = files.get(file) ?? readFileSync(join(root, 'src', file), 'utf8')
    const places = text.split(find).length - 1
    if (places !== 1) throw new Error(`"${leak}" can no longer be planted: ${file} has ${places} places for it; change mutants.ts`)
    files.set(file, text.replace(find, () => replace))
  }
  return files
}

function prove(copy: string, part: string): Promise<{ readonly status: number | null, readonly text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(copy, 'test', 'prove', 'run.ts'), '--only', part, '--traces', '150'], { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (text = (text + more).slice(-100_000)))
    const timer = setTimeout(() => {
      text += 'it took too long'
      child.kill('SIGKILL')
    }, LIMIT_MS)
    child.once('close', (status) => {
      clearTimeout(timer)
      resolve({ status, text })
    })
  })
}
