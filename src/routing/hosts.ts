/** Which host names a target is reached under. */
import type { Target } from './model.ts'

/** One of its own, or a part of a domain that it lists with `*.`. */
export function mayServe(target: Target, host: string): boolean {
  return target.hosts.some((own) => own === host || (own.startsWith('*.') && host.endsWith(own.slice(1)) && host.length > own.length - 1))
}
