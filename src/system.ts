/** What the operating system says, to whoever asks it. */

/** The code of a system's error, such as `ENOENT`; `UNKNOWN` for an error without one. Nothing of a message, which may hold what a viewer sent. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}

/** Whether there is a process of this number, of whatever user. A number is given again once its process is gone. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}
