/** How far a shipper came, in a file: for each writer the segment and the byte up to which its lines were acknowledged. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { codeOf } from '../../system.ts'

export interface Position {
  readonly segment: number
  readonly offset: number
  /** Decisions up to here, of this writer; -1: not known. */
  readonly decided: number
}

export interface Cursor {
  readonly positions: Map<string, Position>
  /** Whether the file was there and all of it could be read: then a writer that is not in it is new. */
  readonly whole: boolean
}

/** What cannot be understood is no position: it is taken again. Rejects where the file is there and cannot be read. */
export async function readCursor(path: string): Promise<Cursor> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  })
  const value = parsed(text)
  const positions = new Map<string, Position>()
  for (const [writer, position] of Object.entries(value ?? {})) {
    const { segment, offset, decided } = (position ?? {}) as Record<string, unknown>
    if (typeof segment === 'number' && typeof offset === 'number' && typeof decided === 'number') positions.set(writer, { segment, offset, decided })
  }
  return { positions, whole: value !== undefined && positions.size === Object.keys(value).length }
}

/** Whole or not at all. */
export async function writeCursor(path: string, positions: ReadonlyMap<string, Position>): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(Object.fromEntries(positions))}\n`, { mode: 0o640 })
  await rename(`${path}.new`, path)
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
