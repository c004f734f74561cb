/**
 * The list of the archive's day keys, followed while the router runs. A renewed one is taken when it is there, and an end of
 * the keys is told before it comes: on a day without keys nothing is archived, and nothing else would show it.
 */
import { stat } from 'node:fs/promises'
import { dayOf } from '../archive/day.ts'
import type { RecipientList } from '../archive/recipients.ts'
import type { ArchiveWriter } from '../archive/writer.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import type { SetTimer } from '../state/timing.ts'

/** Days with keys below which it is told: time for two officers to make new ones. */
export const FEW_DAYS = 7

export interface ArchiveKeysOptions {
  readonly path: string
  /** Reads and checks the list; rejects where it is not usable. */
  readonly read: () => Promise<RecipientList>
  readonly writer: Pick<ArchiveWriter, 'use' | 'daysLeft'>
  /** Of the file when the writer's own list was read, by `signatureOf`. */
  readonly seen: string
  /** Milliseconds between two looks at the file. */
  readonly reloadMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly setTimer: SetTimer
  readonly messages: Pick<OperatorLog, 'warn'>
}

export class ArchiveKeys {
  readonly #options: ArchiveKeysOptions
  #seen: string
  #failed = false
  /** The day and the number of days that were told last. */
  #told = ''
  #looking: Promise<void> = Promise.resolve()
  #cancel: (() => void) | undefined
  #closed = false

  constructor(options: ArchiveKeysOptions) {
    this.#options = options
    this.#seen = options.seen
    this.#tell()
    this.#later()
  }

  /** Reads the list again, whether its file changed or not; the former one stays where the new one is not usable. Never rejects. */
  reload(): Promise<void> {
    return this.#look(true)
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  #later(): void {
    if (this.#closed) return
    this.#cancel = this.#options.setTimer(() => void this.#look(false).then(() => this.#later()), this.#options.reloadMs)
  }

  /** One after the other, so that an older list never takes the place of a newer one. */
  #look(always: boolean): Promise<void> {
    return (this.#looking = this.#looking.then(() => this.#lookNow(always)))
  }

  async #lookNow(always: boolean): Promise<void> {
    const { path, read, writer, messages } = this.#options
    const signature = await signatureOf(path)
    if (always || signature !== this.#seen) {
      // Before it is read: what is written meanwhile is another one at the next look.
      this.#seen = signature
      try {
        const list = await read()
        if (this.#closed) return
        writer.use(list)
        if (this.#failed) messages.warn('task_recovered', { task: 'archive_keys' })
        this.#failed = false
      } catch (error) {
        this.#failed = true
        messages.warn('task_failed', { task: 'archive_keys' }, error)
      }
    }
    this.#tell()
  }

  /** Once a day, and where the number of days is another. */
  #tell(): void {
    const { writer, now, messages } = this.#options
    const count = writer.daysLeft
    const told = `${dayOf(now())} ${count}`
    if (told === this.#told) return
    this.#told = told
    if (count === 0) messages.warn('archive_no_keys')
    else if (count < FEW_DAYS) messages.warn('archive_keys_low', { count })
  }
}

/** What tells one file under a path from another, without reading it. */
export async function signatureOf(path: string): Promise<string> {
  return stat(path).then(({ ino, size, mtimeMs, ctimeMs }) => `${ino} ${size} ${mtimeMs} ${ctimeMs}`, () => 'none')
}
