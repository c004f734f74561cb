/** What a target's entry says of its health and load, with the defaults filled in. */
import type { HealthCheck, Scheme, TargetHealth } from '../routing/model.ts'
import type { CheckInput, TargetInput } from './schema.ts'

/**
 * @param checks the file's defaults; a target's own fields win one by one
 * @param complain takes what is wrong with a key of the target
 */
export function compileHealth(written: TargetInput, checks: CheckInput | undefined, complain: (key: string, message: string) => void): TargetHealth {
  const { check, capacityMbps, bitrateMbps = 3, shedLow = 0.8, shedHigh = 0.95, slowStartSeconds = 30, loadToken } = written
  const input = check === false ? undefined : (check ?? checks) && { ...checks, ...check }
  if (input?.method === 'HEAD' && input.contains !== undefined) complain('check', 'an answer to HEAD has no body, so nothing can be found in it; use GET or take contains away')
  if (shedLow >= shedHigh) complain(written.shedLow === undefined ? 'shedHigh' : 'shedLow', `shedLow (${shedLow}) must be below shedHigh (${shedHigh})`)
  return {
    check: input && compileCheck(written, input),
    capacityMbps,
    bitrateMbps,
    shedLow,
    shedHigh,
    slowStartMs: slowStartSeconds * 1000,
    loadTokenHash: loadToken?.slice('sha256:'.length),
  }
}

function compileCheck(target: TargetInput, check: CheckInput): HealthCheck {
  return {
    method: check.method ?? 'GET',
    url: urlOf(target, check),
    host: check.host,
    statuses: check.statuses && new Set(check.statuses),
    contains: check.contains,
    intervalMs: (check.intervalSeconds ?? 2) * 1000,
    jitter: check.jitter ?? 0.1,
    timeoutMs: (check.timeoutSeconds ?? 2) * 1000,
    rise: check.rise ?? 2,
    fall: check.fall ?? 3,
    allowInternal: check.allowInternal ?? false,
    families: check.families,
  }
}

/** The target is connected to under its own name, whatever the request says. */
function urlOf(target: TargetInput, check: CheckInput): string {
  const scheme: Scheme = check.scheme ?? (target.scheme === 'http' ? 'http' : 'https')
  const port = check.port ?? target.port
  return `${scheme}://${target.host}${port === undefined ? '' : `:${port}`}${check.path ?? '/'}`
}
