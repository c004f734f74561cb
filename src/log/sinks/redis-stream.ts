/** Decision records in a Redis Stream, out of the segments: while Redis is away they wait on the disk, and routing never knows. */
import { Shipper } from '../segments/shipper.ts'
import type { Batch, ShipperOptions } from '../segments/shipper.ts'

export interface StreamPort {
  /**
   * Adds the lines to the stream in order, each as an entry of its own with the fields `record` (the line) and `place`
   * (`ams-1-4f2a9c01-0/3/1024`: writer, segment, and the byte at which the line begins), all or none. Of a batch that comes
   * again, what is there is not added twice. The stream is trimmed to a length (`MAXLEN ~`). Resolves once Redis has them.
   */
  xadd(batch: Batch): Promise<void>
}

export interface RedisStreamOptions extends Omit<ShipperOptions, 'send' | 'name'> {
  readonly port: StreamPort
  readonly name?: string
}

export function redisStreamShipper({ port, name = 'redis', ...rest }: RedisStreamOptions): Shipper {
  return new Shipper({ ...rest, name, send: (batch) => port.xadd(batch) })
}
