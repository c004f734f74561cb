/** The servers under test, and what they tell the process that measures them. */

/**
 * `wissel`: the whole router. `bare`: `node:http` without any options that answers with the same headers and does nothing
 * else. `limited`: the same with the options that the router sets.
 */
export const SUBJECTS = ['wissel', 'limited', 'bare'] as const
export type Subject = (typeof SUBJECTS)[number]

/** From a subject: its port once, then on each message its processor time in microseconds, user and system, all threads. */
export interface Report {
  readonly port?: number
  readonly cpu: number
}
