/** A real directory whose disk can be made full, read-only or hung, and segments in it. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountsOf } from '../../src/cli/log.ts'
import { DecisionLog } from '../../src/log/decision-log.ts'
import type { DecisionLogOptions } from '../../src/log/decision-log.ts'
import { parseLine } from '../../src/log/segments/lines.ts'
import type { SegmentLine } from '../../src/log/segments/lines.ts'
import { segmentsAmong } from '../../src/log/segments/names.ts'
import { DISK } from '../../src/log/segments/segment-io.ts'
import type { SegmentFile, SegmentIo } from '../../src/log/segments/segment-io.ts'
import { SegmentSink } from '../../src/log/sinks/segments.ts'
import type { SegmentSinkOptions } from '../../src/log/sinks/segments.ts'
import { Clock, settle } from './clock.ts'
import { NOW } from './decisions.ts'

export class SegmentDisk {
  readonly root = mkdtempSync(join(tmpdir(), 'wissel-segments-'))
  readonly directory = join(this.root, 'log')
  /** Bytes that can still be written; more is `ENOSPC`, after what fits. */
  room = Infinity
  /** Bytes that all files of the directory may have together; what is deleted is room again. */
  capacity = Infinity
  readOnly = false
  hung = false
  inFlight = 0
  mostInFlight = 0
  readonly states: string[] = []
  readonly clock = new Clock()
  #resume: (() => void)[] = []

  readonly io: SegmentIo = {
    ...DISK,
    open: async (path, flags) => {
      if (this.readOnly && flags !== 'r') throw Object.assign(new Error('read-only'), { code: 'EROFS' })
      return this.#file(await DISK.open(path, flags))
    },
  }

  sink(options: Partial<SegmentSinkOptions> = {}): SegmentSink {
    return new SegmentSink({
      directory: this.directory, writer: { router: 'ams-1', boot: '4f2a9c01' }, setTimer: this.clock.setTimer, now: () => NOW + this.clock.now,
      onState: (state, code) => this.states.push(`${state} ${code}`), io: this.io, ...options,
    })
  }

  /** A decision log that writes to the sink, with windows that end when the clock says so. */
  log(sink: SegmentSink, options: Partial<DecisionLogOptions> = {}): DecisionLog {
    return new DecisionLog({ sinks: [sink], router: 'ams-1', setTimer: this.clock.setTimer, ...options })
  }

  get files(): string[] {
    return segmentsAmong(existsSync(this.directory) ? readdirSync(this.directory) : []).map(({ file }) => file)
  }

  text(file: string): string {
    try {
      return readFileSync(join(this.directory, file), 'utf8')
    } catch {
      // It was renamed a moment ago.
      return ''
    }
  }

  get lines(): SegmentLine[] {
    return this.files.flatMap((file) => this.text(file).split('\n').slice(0, -1).map(parseLine))
  }

  async account() {
    const [account] = await accountsOf(this.directory)
    if (account === undefined) throw new Error('there are no segments')
    return account
  }

  /** Resolves when so many records are on the disk. */
  async records(count: number): Promise<void> {
    await until(() => this.lines.filter(({ kind }) => kind === 'record').length >= count)
  }

  resume(): void {
    this.hung = false
    for (const run of this.#resume.splice(0)) run()
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  get #used(): number {
    return readdirSync(this.directory).reduce((sum, file) => sum + (statSync(join(this.directory, file), { throwIfNoEntry: false })?.size ?? 0), 0)
  }

  #file(file: SegmentFile): SegmentFile {
    return {
      stat: () => file.stat(),
      read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
      truncate: (length) => file.truncate(length),
      datasync: () => file.datasync(),
      close: () => file.close(),
      write: async (buffer, offset, length, position) => {
        this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
        try {
          if (this.hung) await new Promise<void>((resolve) => this.#resume.push(resolve))
          const { size } = await file.stat()
          const part = Math.min(length, this.room, Math.max(0, size - position) + Math.max(0, this.capacity - this.#used))
          if (part === 0) throw Object.assign(new Error('no space left, and a path that nobody should see'), { code: 'ENOSPC' })
          this.room -= part
          return await file.write(buffer, offset, part, position)
        } finally {
          this.inFlight--
        }
      },
    }
  }
}

/** Looks again and again while a real disk works, for two minutes at most: a slow one is no failure. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('did not come about')
    await settle()
  }
}
