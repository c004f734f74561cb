/** How long a case waits for what must come: as long as is promised, or where times are not judged as long as a slow machine needs. */
import * as processes from '../state/redis-server.ts'

/** Milliseconds. */
const PROMISED_MS = 10_000
const PATIENT_MS = 60_000
let limit = PROMISED_MS

export function judgeTimes(judged: boolean): void {
  limit = judged ? PROMISED_MS : PATIENT_MS
}

/** Resolves once it holds, with the milliseconds that took; rejects after the limit. */
export function until(holds: () => boolean | Promise<boolean>, limitMs = limit): Promise<number> {
  return processes.until(holds, limitMs)
}
