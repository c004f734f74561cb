/** A file that only one process holds: with its process id and machine in it from the first moment, so that who finds it can tell. */
import { readFile, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { codeOf, isRunning } from '../system.ts'
import { ArchiveError } from './archive-error.ts'
import { placeNew } from './files.ts'

const POLL_MS = 50

/**
 * Runs `work` while it holds the lock `path`.
 * @param what what is locked, for messages
 * @param waitMs milliseconds that a holder who is still at work is waited for
 * @throws ArchiveError where somebody else holds it; only of one that has ended does it say that the file may be removed
 */
export async function withLock<T>(path: string, what: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const until = performance.now() + waitMs
  while (!await taken(path, what)) {
    const holder = await holderOf(path)
    if (holder === 'gone') continue
    if (holder.state === 'ended') throw new ArchiveError(`${what} is locked by ${holder.name}, which ended without unlocking it (EEXIST); remove ${path}`)
    if (holder.state === 'unknown') throw new ArchiveError(`${what} is locked and ${path} does not say by whom (EEXIST); find out who made it before it is removed`)
    if (performance.now() >= until) throw new ArchiveError(`${what} is in use by ${holder.name} (EEXIST); try again when that is done`)
    await pause(POLL_MS)
  }
  try {
    return await work()
  } finally {
    await unlink(path)
  }
}

/** Whoever sees the lock sees whose it is. */
async function taken(path: string, what: string): Promise<boolean> {
  return placeNew(path, `${process.pid} ${hostname()}\n`).catch((error: unknown) => {
    throw new ArchiveError(`${what} cannot be locked (${codeOf(error)}); ${path} must be in a directory that can be written`)
  })
}

async function holderOf(path: string): Promise<{ readonly state: 'works' | 'ended' | 'unknown', readonly name: string } | 'gone'> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    return ''
  })
  if (text === undefined) return 'gone'
  const [, pid = '', host = ''] = /^(\d{1,10}) (\S+)\n$/.exec(text) ?? []
  const name = `process ${pid} on ${host}`
  if (host === '') return { state: 'unknown', name }
  return { state: host !== hostname() || isRunning(Number(pid)) ? 'works' : 'ended', name }
}
