/** `wissel geo push FILE`: validates a geo database as a router would and gives it to all routers. */
import { readFile } from 'node:fs/promises'
import { compileAsn, compileGeo, GeoDatabaseError } from '../geo/mmdb.ts'
import type { GeoKind } from '../state/redis-geo.ts'
import { pushGeo } from '../state/redis-geo.ts'
import { readRouters } from '../state/router-report.ts'
import { RedisError } from '../state/redis-connection.ts'
import type { RedisSettings } from '../state/redis-settings.ts'
import { codeOf } from '../system.ts'
import { withState } from './with-state.ts'
import type { CommandIO } from './with-state.ts'

export interface GeoPushArgs {
  readonly file: string
  readonly redis: RedisSettings
  /** The database holds autonomous system numbers instead of places. */
  readonly asn?: boolean | undefined
}

/** The exit status: 0 published, 1 not. */
export async function geoPush({ file, redis, asn = false }: GeoPushArgs, io: CommandIO): Promise<number> {
  const kind: GeoKind = asn ? 'asn' : 'geo'
  const bytes = await readFile(file).catch((error: unknown) => {
    io.err(`the file ${file} cannot be read (${codeOf(error)})\n`)
    return undefined
  })
  if (bytes === undefined) return 1
  try {
    const { databaseType, builtAt } = asn ? compileAsn(bytes) : compileGeo(bytes)
    io.out(`${databaseType}, built ${new Date(builtAt).toISOString().slice(0, 10)}, ${bytes.length} bytes\n`)
  } catch (error) {
    if (!(error instanceof GeoDatabaseError)) throw error
    io.err(`nothing is published: ${error.message}\n`)
    return 1
  }
  return withState(redis, io, async ({ link, keys }) => {
    try {
      // A version below what a router has would be refused by it, as after a Redis that forgot one which a fast clock had numbered.
      const above = Math.max(0, ...(await readRouters(link, keys)).map(({ report }) => report.geo?.[kind] ?? 0))
      const head = await pushGeo(link, keys, { kind, file: bytes, created: io.now(), above })
      io.out(`published ${kind} database ${head.version}:${head.sha256.slice(0, 8)} in ${head.pieces.length} piece${head.pieces.length === 1 ? '' : 's'}\n`)
      return 0
    } catch (error) {
      if (!(error instanceof RedisError) || error.code !== 'STALE') throw error
      io.err('someone else published a database meanwhile; look at it and push again\n')
      return 1
    }
  })
}
