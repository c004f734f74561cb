/** What the archive refuses, and why. Its message names files, days and counts: never an address, a key or a plaintext. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}

/** The system's code alone, because its message may hold more. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}
