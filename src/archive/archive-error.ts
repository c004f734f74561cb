/** What the archive refuses, and why. Its message names files, days and counts: never an address, a key or a plaintext. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}
