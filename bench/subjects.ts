/** The servers under test, and what they tell the process that measures them. */

/**
 * `wissel`: the whole router, with records into a file. `segments`: with records into segment files. `unrecorded`: without
 * any. `bare`: `node:http` without any options that answers with the same headers and does nothing
 * else. `limited`: the same with the options that the router sets.
 */
export const SUBJECTS = ['wissel', 'limited', 'bare'] as const
/** Compared with each other alone: what the record costs. */
export const RECORDING = ['segments', 'unrecorded'] as const
export type Subject = (typeof SUBJECTS)[number] | (typeof RECORDING)[number]
export type Compared = (typeof SUBJECTS)[number]

/** Those that are the router: their sinks, in the settings' own words. */
export const SINKS = {
  wissel: '[{ type: file, path: decisions.log }]',
  segments: '[{ type: segments, directory: segments }]',
  unrecorded: '[]',
} as const

export function isRouter(subject: string): subject is keyof typeof SINKS {
  return Object.hasOwn(SINKS, subject)
}

/** From a subject: its port once, then on each message its processor time in microseconds, user and system, all threads. */
export interface Report {
  readonly port?: number
  readonly cpu: number
}
