/** A disk in memory, for segments. */
import type { SegmentIo } from '../../src/log/segments/segment-io.ts'

export function memoryDisk(): { readonly io: SegmentIo, files(): Record<string, string> } {
  const files = new Map<string, Buffer>()
  return {
    files: () => Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toString()])),
    io: {
      mkdir: async () => undefined,
      readdir: async () => [...files.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1)),
      unlink: async (path) => void files.delete(path),
      rename: async (from, to) => {
        files.set(to, files.get(from) ?? Buffer.alloc(0))
        files.delete(from)
      },
      open: async (path, flags) => {
        if (flags === 'w') files.set(path, Buffer.alloc(0))
        const content = () => files.get(path) ?? Buffer.alloc(0)
        return {
          stat: async () => ({ size: content().length }),
          read: async (buffer, offset, length, position) => ({ bytesRead: content().copy(buffer, offset, position, position + length) }),
          write: async (buffer, offset, length, position) => {
            files.set(path, Buffer.concat([content().subarray(0, position), buffer.subarray(offset, offset + length)]))
            return { bytesWritten: length }
          },
          truncate: async (length) => void files.set(path, content().subarray(0, length)),
          datasync: async () => undefined,
          close: async () => undefined,
        }
      },
    },
  }
}
