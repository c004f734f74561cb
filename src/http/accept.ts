/** Whether a client asked for the list of targets instead of a redirect. */

/**
 * True when `Accept` names `application/json` itself with a weight above 0 and nothing with a higher one
 * (RFC 9110, 12.5.1). A wildcard is what players and browsers send, so it never means JSON.
 */
export function prefersJson(accept: string): boolean {
  if (accept.length < JSON_TYPE.length || accept.length > 1024 || !/application\/json/i.test(accept)) return false
  let json = 0
  let other = 0
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';')
    const weight = weightOf(parameters)
    if (type.trim().toLowerCase() === JSON_TYPE) json = Math.max(json, weight)
    else other = Math.max(other, weight)
  }
  return json > 0 && json >= other
}

const JSON_TYPE = 'application/json'

/** 1 where no weight is given; 0 where it is not a valid one. */
function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=')
    if (name.trim().toLowerCase() === 'q') return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value.trim()) ? Number(value) : 0
  }
  return 1
}
