/** Where decision records go. A sink never throws and never waits: what it cannot take it drops and counts. */
export interface Sink {
  /** For metrics and messages: `file`, `stdout`. */
  readonly name: string
  /** Decisions in the lines that were dropped so far. */
  readonly dropped: number
  /**
   * @param line one record with its line end
   * @param count the decisions that it stands for
   */
  write(line: string, count: number): void
  /** After the lines of a window, or of a part of it: what was decided since the start, and how much of it is in no line. Nothing waits then. */
  account?(totals: { readonly decided: number, readonly dropped: number }): void
  /** Writes what is left, within a time of the sink's own, and counts the rest as dropped. Never rejects. */
  close(): Promise<void>
}

/** Calls `run` once after `ms` milliseconds; the result cancels it. */
export type SetTimer = (run: () => void, ms: number) => () => void
