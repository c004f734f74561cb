/** Decision records in a Redis Stream, out of the segments: while Redis is away they wait on the disk, and routing never knows. */
import { Shipper } from '../segments/shipper.ts'
import type { ShipperOptions } from '../segments/shipper.ts'

/** Adds lines to the stream, each as an entry of its own, in order, trimmed to a length (`MAXLEN ~`). Resolves once all are acknowledged. */
export interface StreamPort {
  xadd(lines: readonly string[]): Promise<void>
}

export interface RedisStreamOptions extends Omit<ShipperOptions, 'send' | 'name'> {
  readonly port: StreamPort
  readonly name?: string
}

export function redisStreamShipper({ port, name = 'redis', ...rest }: RedisStreamOptions): Shipper {
  return new Shipper({ ...rest, name, send: ({ lines }) => port.xadd(lines) })
}
