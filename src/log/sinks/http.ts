/**
 * Decision records to an HTTP collector, out of the segments: `POST`, NDJSON, acknowledged by any 2xx. Everything else is
 * tried again, so a collector must know a batch by its `Wissel-Batch` to count one that came twice once.
 */
import { Shipper } from '../segments/shipper.ts'
import type { Batch, ShipperOptions } from '../segments/shipper.ts'

export interface HttpShipperOptions extends Omit<ShipperOptions, 'send' | 'name'> {
  readonly url: URL
  /** Sent as a bearer token. */
  readonly token?: string | undefined
  readonly name?: string
  /** Milliseconds from the start of an attempt until it is given up without a status; default 10,000. */
  readonly timeoutMs?: number
}

export function httpShipper({ url, token, name = 'http', timeoutMs = 10_000, ...rest }: HttpShipperOptions): Shipper {
  return new Shipper({ ...rest, name, send: (batch) => post(batch, { url, token, timeoutMs }) })
}

interface Collector {
  readonly url: URL
  readonly token: string | undefined
  readonly timeoutMs: number
}

/**
 * Rejects with a code, never with what the collector said; `HTTP_TIMEOUT` where it has not answered in time, however busy it
 * keeps the connection. A redirect is not followed: it is no acknowledgement.
 */
async function post({ lines, from }: Batch, { url, token, timeoutMs }: Collector): Promise<void> {
  // A router is ready without it.
  const { request } = await import('undici')
  const signal = AbortSignal.timeout(timeoutMs)
  const { statusCode, body } = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'wissel-batch': from, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: `${lines.join('\n')}\n`,
    signal,
  }).catch((error: unknown) => {
    throw signal.aborted ? refused('HTTP_TIMEOUT') : error
  })
  // The status is the answer. What follows may never end, and nobody reads it.
  body.on('error', () => undefined).destroy()
  if (statusCode < 200 || statusCode > 299) throw refused(`HTTP_${statusCode}`)
}

function refused(code: string): Error {
  return Object.assign(new Error('the collector did not take it'), { code })
}
