/** What takes part in the race: a server that answers the same requests with the same redirects. */
import type { Stage } from './stage.ts'

/** Which half of the edges is in service, where health flaps. */
export type Half = 0 | 1

export interface Contestant {
  readonly name: string
  /** One sentence: what it does for a request, and what of the whole job it leaves out. */
  readonly does: string
  /** One sentence: what a swap is to it. Absent: it has nothing to swap. */
  readonly swaps?: string
  /** Whether it sends everybody to the same edge. */
  readonly blind?: true
  /** Why it cannot be raced on this machine. */
  missing(): string | undefined
  /**
   * Begins to start it on the server's core. Rejects where it cannot be started; whether it answers is for the caller to see.
   * @param again whether it finds what it kept for itself when it ran last
   */
  start(stage: Stage, again: boolean): Promise<Running>
  /** Decisions in its log, once it has ended; the next one begins a new log. Absent: it records none. */
  recorded?(stage: Stage): Promise<number>
}

export interface Running {
  readonly port: number
  /** Process numbers of what answers; time and memory of their children count too. */
  readonly pids: readonly number[]
  /** Of what it needs besides, and which is told apart from it. */
  readonly helpers?: readonly number[]
  /** Publishes a new snapshot and takes half of the edges out, the way an operator of it would. Resolves when it is told, not when it is done. */
  swap?(half: Half): Promise<void>
  /** Ends all of its processes. */
  stop(): Promise<void>
}
