/** The sealed archive, where the settings ask for one. */
import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { ArchiveError } from '../archive/archive-error.ts'
import type { Named } from '../archive/cut.ts'
import { readPublicKey, readSigningKey } from '../archive/keys.ts'
import type { RawFacts } from '../archive/raw-record.ts'
import { readRecipients } from '../archive/recipients.ts'
import { WorkerSealer } from '../archive/sealer.ts'
import { ArchiveWriter } from '../archive/writer.ts'
import { WisselError } from '../errors.ts'
import type { ResolvedRequest } from '../http/request.ts'
import type { OperatorLog } from '../log/operator-log.ts'
import type { Settings } from '../policy/settings.ts'
import type { ClientPort } from '../privacy/port.ts'
import type { Decision } from '../routing/decision.ts'
import { match } from '../routing/match.ts'
import type { Snapshot } from '../routing/model.ts'
import type { SetTimer } from '../state/timing.ts'
import { codeOf } from '../system.ts'
import { ArchiveKeys, signatureOf } from './archive-keys.ts'

export interface Archive {
  readonly writer: ArchiveWriter
  /** Reads the list of keys again at once; the former one stays where the new one is not usable. Never rejects. */
  reload(): Promise<void>
  /** Seals and writes what waits. Never rejects. */
  close(): Promise<void>
}

export interface OpenArchiveOptions {
  /** Of the configuration; paths of the settings are relative to it. */
  readonly directory: string
  /** Id of this router. */
  readonly router: string
  /** Milliseconds between two looks at the list of keys. */
  readonly reloadMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly setTimer: SetTimer
  readonly messages: OperatorLog
}

/** Where requests find their services. */
type Services = Pick<Snapshot, 'hosts' | 'prefixes'>

/**
 * What the archive is told of one request.
 * @param snapshot that it was decided by
 * @param time milliseconds since the epoch
 */
export function rawFactsOf({ address, method, scheme, host, path, query, userAgent }: ResolvedRequest, decision: Decision, snapshot: Services, status: number, time: number, port: ClientPort | undefined): RawFacts {
  const target = decision.outcome === 'refuse' ? undefined : decision.member.target.id
  return {
    time, address, port, method, scheme, host, path, query, userAgent: userAgent?.text, named: namedIn(snapshot, host, path),
    decision: { service: decision.service?.id, target, outcome: decision.outcome, status },
  }
}

function namedIn(snapshot: Services, host: string, path: string): Named | undefined {
  const matched = match(snapshot, host, path)
  if (matched === undefined) return undefined
  const { service, rest } = matched
  return { host: rest === path, prefix: path.slice(0, path.length - rest.length), rules: service.content }
}

/** Rejects with a `WisselError` where keys or list cannot be used: an archive that was asked for and does not work is a mistake. */
export async function openArchive(settings: NonNullable<Settings['archive']>, { directory, router, reloadMs, now, setTimer, messages }: OpenArchiveOptions): Promise<Archive> {
  const within = (path: string) => (isAbsolute(path) ? path : join(directory, path))
  const textOf = (name: string, path: string) => readFile(within(path), 'utf8').catch((error: unknown) => {
    throw new ArchiveError(`archive.${name} "${path}" cannot be read: ${codeOf(error)}`)
  })
  const path = within(settings.recipients)
  const read = async () => readRecipients(await textOf('recipients', settings.recipients), readPublicKey(settings.recipientsKey))
  try {
    const seen = await signatureOf(path)
    const writer = new ArchiveWriter({
      router,
      directory: within(settings.directory),
      recipients: await read(),
      signingKey: readSigningKey(await textOf('signingKey', settings.signingKey)),
      sealer: new WorkerSealer(setTimer),
      setTimer,
      now,
      onState: (state, code) => messages.warn(state === 'recovered' ? 'archive_recovered' : code === 'LOCKED' ? 'archive_locked' : 'archive_failed', { code }),
    })
    // The router may have been stopped for days.
    void writer.sweep()
    const keys = new ArchiveKeys({ path, read, writer, seen, reloadMs, now, setTimer, messages })
    return {
      writer,
      reload: () => keys.reload(),
      close: () => {
        keys.close()
        return writer.close()
      },
    }
  } catch (error) {
    const why = error instanceof ArchiveError ? error.message : codeOf(error)
    throw new WisselError('WISSEL_ARCHIVE', [why], { cause: error })
  }
}
