/**
 * What may stand in the files under `config/`: every field with its unit, its default, and what goes wrong in both
 * directions. The types, the checks and the JSON Schema for editors all come from here. Unknown keys are errors.
 */
import { z } from 'zod'
import { isCountry } from '../geo/countries.ts'
import { CMCD_KEYS } from '../routing/cmcd.ts'
import { ADMIN_STATES, DELIVERIES, FAMILIES, FOREIGN_LAWS, KEYS, SELECTORS } from '../routing/model.ts'
import { COUNTRY_SETS } from './sets.ts'

/** An id is a metric label, a field of a record and a pathway of a steering manifest, so it is plain. */
export const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/
const HOST = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$|^\[[0-9a-f:.]{2,45}\]$/
/** What URLs take for an address and never for a name. */
const NUMERIC = /^\[|(^|\.)(\d+|0x[0-9a-f]*)$/
const PATH_PREFIX = /^(\/[A-Za-z0-9._~-]+)+$/

const id = z.string().regex(ID, { error: 'use 1 to 63 lower-case letters, digits, "-" and "_"' })
const host = z.string().regex(HOST, { error: 'use a host name in lower case (punycode for other scripts) or an address, without scheme, port or path', abort: true }).refine(isSpelledAsRead, { error: howSpelled })
const hostPattern = z.string()
  .regex(/^(\*\.)?[a-z0-9.[\]:_-]+$/, { error: 'use a host name in lower case, or "*." and a domain', abort: true })
  .refine((text) => HOST.test(text.replace('*.', '')) && !(text.startsWith('*.') && NUMERIC.test(text.slice(2))), { error: 'use a host name in lower case, or "*." and a domain, without port', abort: true })
  .refine(isSpelledAsRead, { error: howSpelled })
const code = z.string().regex(/^[A-Z]{2}$/, { error: 'use an ISO 3166-1 code in capitals such as NL', abort: true }).refine(isCountry, { error: noSuchCountry })
const country = countryOr()
const seat = z.strictObject({ name: z.string().max(200).optional(), country: code })
const continent = z.enum(['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'])
const prefix = z.string().regex(PATH_PREFIX, { error: 'use a path such as /customer-7: a slash before each part, none at the end, only letters, digits and ".", "_", "~", "-"' })
const port = z.int().min(1).max(65535)
const date = z.iso.date({ error: 'use a date such as 2027-12-31' })
const latitude = z.number().min(-90).max(90)
const longitude = z.number().min(-180).max(180)
const weight = z.number().min(0).max(1_000_000)

const rewrite = {
  host: host.optional().describe('Host name in Location. Default: the target\'s own. It must be one of the target\'s hosts.'),
  port: port.optional().describe('Port in Location. Default: that of the scheme.'),
  scheme: z.enum(['same', 'http', 'https']).optional().describe('same (default) keeps the scheme of the request. A fixed scheme makes the target ineligible for requests of the other one: players do not follow a redirect that changes the scheme.'),
  prefix: prefix.optional().describe('Path put before the viewer\'s path. Default: none. A wrong one is a 404 at the target for every viewer.'),
}

export const groupSchema = z.strictObject({
  id,
  in: id.optional().describe('The group that this one is part of. A step that names the outer group gets all targets of both.'),
  latitude: latitude.optional().describe('Degrees north. Used for targets that give none of their own.'),
  longitude: longitude.optional().describe('Degrees east.'),
})

export const jurisdictionSchema = z.strictObject({
  operator: seat.optional().describe('Who runs the target, and the country of its seat.'),
  parent: seat.optional().describe('The ultimate parent: who owns the operator in the end. The operator itself where nobody does.'),
  server: z.strictObject({ countries: z.array(code).min(1) }).optional().describe('Where the servers stand.'),
  logs: z.strictObject({
    mode: z.enum(['none', 'anonymised', 'raw']).describe('What the operator logs of viewers, by contract. The router cannot measure this.'),
    countries: z.array(code).min(1, { error: 'is empty; say where logs are stored, or leave it out where mode is none' }).optional().describe('Where logs are stored. Needed unless mode is none: what is not said satisfies no policy.'),
  }).optional(),
  foreign: z.array(z.enum(FOREIGN_LAWS)).optional().describe('Laws of third countries that reach the operator or its parent; [] says that there are none, absence that nobody looked.'),
  evidence: z.array(z.strictObject({
    kind: z.enum(['contract', 'certificate', 'register', 'audit', 'statement']),
    ref: z.string().max(300).describe('Where the evidence is found: a document number, a register entry.'),
    validUntil: date.describe('The first day on which it no longer counts. Too far ahead hides a change of owner; too near takes the target out by surprise.'),
  })).optional(),
  reviewedAt: date.optional().describe('The day on which a person last looked at all of this.'),
}).describe('Whatever is absent is unknown, and what is unknown satisfies no policy.')

export const checkSchema = z.strictObject({
  path: z.string().max(1024).regex(/^\/[!-"$-~]*$/, { error: 'use a path such as /health, with a query where it is needed' }).optional().describe('What is asked for. Default /. A page that never fails hides a broken target; one that is heavy is a load of its own, and an answer above 1 MiB, or one that does not end within the timeout, is a failure.'),
  method: z.enum(['GET', 'HEAD']).optional().describe('Default GET.'),
  host: host.optional().describe('Host name in the request and in the TLS handshake. Default: the target\'s own, which is also the address that is connected to. A wrong one tests another site on the same machine.'),
  scheme: z.enum(['http', 'https']).optional().describe('Default: the target\'s own, or https where it serves both. http does not notice a certificate that has expired; https fails where there is none.'),
  port: port.optional().describe('Default: the target\'s own, or that of the scheme. Another port may work while the one that viewers use does not.'),
  statuses: z.array(z.int().min(100).max(599)).min(1).optional().describe('Statuses that mean healthy. Default: 200 to 299. Redirects are not followed: with a 3xx here a target that sends everybody elsewhere counts as healthy; without, one that redirects by design is down.'),
  contains: z.string().min(1).max(1000).optional().describe('Text that the body must contain. Default: any body is right. Without it an error page with status 200 is healthy; text that changes takes every target down.'),
  intervalSeconds: z.number().min(0.5).max(3600).optional().describe('Seconds between two checks of the target. Default 2. Shorter ones cost every target more requests; with longer ones viewers are sent to a broken target for longer (fall × interval + timeout).'),
  jitter: z.number().min(0).max(0.5).optional().describe('Share of the interval by which checks are early or late at random. Default 0.1. With 0 all routers ask at the same moment; large ones make detection uneven.'),
  timeoutSeconds: z.number().min(0.1).max(60).optional().describe('Seconds for all of a check: look-up, connection, handshake, answer. Default 2. Short ones take slow targets out; long ones keep hanging ones in.'),
  rise: z.int().min(1).max(20).optional().describe('Successes in a row to go up. Default 2. 1 believes luck; many keep working targets out.'),
  fall: z.int().min(2).max(20).optional().describe('Failures in a row to go down. Default 3. 2 believes bad luck; many send viewers to broken targets for longer. With 1 a router could not tell its own lost network from a lost target.'),
  allowInternal: z.boolean().optional().describe('Whether the target may be at a private, loopback or otherwise internal address. Default false: such a check fails, so that nobody who writes a target\'s host name can look around in the router\'s network. With true it can be used for that.'),
  families: z.array(z.enum(FAMILIES)).min(1).optional().describe('Address families that are checked, each on its own. Default: those that the name resolves to. A family that is left out may be broken unnoticed; one that this router\'s network lacks never goes up and does not count.'),
}).describe('How the target is asked whether it works. {} takes all defaults.')

export const targetSchema = z.strictObject({
  id,
  kind: z.enum(['edge', 'cdn']).optional().describe('edge (default): one of the operator\'s own servers. cdn: another operator\'s network.'),
  group: id.optional().describe('The group that the target is part of.'),
  host: rewrite.host.unwrap().describe('Host name that viewers are sent to.'),
  port: rewrite.port,
  scheme: rewrite.scheme,
  prefix: rewrite.prefix,
  hosts: z.array(hostPattern).optional().describe('Further host names that a service may use for this target, such as *.cdn-a.example. Location never carries another one. What another target names, or covers with a smaller domain, stays that target\'s.'),
  latitude: latitude.optional(),
  longitude: longitude.optional().describe('A target without coordinates of its own or of its group is never the nearest.'),
  weight: weight.optional().describe('Share relative to other targets where a step names the group. Default 1. 0: only when nothing else is left.'),
  adminState: z.enum(ADMIN_STATES).optional().describe('auto (default) follows health checks; up ignores them; down is never used, whatever else is broken; drain gets no new viewers unless nothing else is left.'),
  check: z.union([checkSchema, z.literal(false)]).optional().describe('Health checks: what differs from the file\'s checks, or false for none. Default: the file\'s checks, or none. A target that is not checked always counts as up, whatever state it is in.'),
  capacityMbps: z.number().positive().max(1e9).optional().describe('Megabits per second that the target can send. Default: what it reports itself; where neither says so, load turns nobody away. Too little wastes the target; too much drowns it.'),
  bitrateMbps: z.number().min(0.01).max(1000).optional().describe('Megabits per second that one viewer is expected to take, reserved for each that is sent between two load reports. Default 3. Too little overshoots in a rush of viewers; too much turns them away too early, until the next report.'),
  shedLow: z.number().min(0).max(1).optional().describe('Utilisation, 0 to 1, from which viewers are turned away. Default 0.8. Low ones leave capacity unused; near shedHigh the target goes from taking all to taking none.'),
  shedHigh: z.number().min(0).max(2).optional().describe('Utilisation from which everybody is turned away; the share rises evenly from shedLow. Default 0.95. Above 1 the target is overloaded before it stops.'),
  slowStartSeconds: z.number().min(0).max(3600).optional().describe('Seconds in which a target that comes back goes from a tenth of its viewers to all of them. Default 30. 0 sends them all at once to a cold cache; long ones leave the others loaded for longer. It never applies when the router starts.'),
  loadToken: z.string().regex(/^sha256:[0-9a-f]{64}$/, { error: 'use sha256: and the 64 lower-case hexadecimal digits of the SHA-256 of the token' }).optional().describe('SHA-256 of the token with which the target reports its load (POST /targets/ID/load on the admin listener). Default: none, and no report is taken. Give each target its own: whoever has the token can make the target turn everybody away.'),
  jurisdiction: jurisdictionSchema.optional(),
})

export const targetsFileSchema = z.strictObject({
  checks: checkSchema.optional().describe('Health checks of every target of this file that does not say otherwise. Default: none.'),
  groups: z.array(groupSchema).optional(),
  targets: z.array(targetSchema).optional(),
})

export const zoneSchema = z.strictObject({
  zone: id,
  prefixes: z.array(z.string()).optional().describe('Networks in CIDR notation, IPv4 and IPv6. The longest one that holds the client\'s address wins over all zones.'),
  asns: z.array(z.int().min(1).max(4294967295)).optional().describe('Autonomous systems whose clients belong to the zone when no prefix says otherwise. Needs an ASN database.'),
  group: id.optional().describe('Where the zone\'s clients are served first. Give this or target.'),
  target: id.optional(),
  country: code.optional().describe('The country of the zone\'s clients, where the operator knows better than the geo database.'),
})
export const zonesFileSchema = z.strictObject({ zones: z.array(zoneSchema) })

export const policySchema = z.strictObject({
  policy: id,
  operator: z.array(country).min(1).optional().describe('Countries in which the operator may have its seat. Absent: any.'),
  parent: z.array(country).min(1).optional().describe('Countries in which the ultimate parent may have its seat. Absent: any.'),
  server: z.array(country).min(1).optional().describe('Countries in which servers may stand; all of a target\'s must be among them.'),
  logs: z.array(country).min(1).optional().describe('Countries in which logs may be stored. A target that keeps none satisfies this.'),
  foreign: z.array(z.enum(FOREIGN_LAWS)).optional().describe('Foreign laws that are tolerated; [] tolerates none. Absent: all.'),
  evidence: z.boolean().optional().describe('Whether dated evidence must be in force. Default true. With false a declaration is enough, and nobody notices when it is outdated.'),
  reviewDays: z.int().min(1).max(3650).optional().describe('Days after which a person must look again. Absent: never. Short ones take targets out on a forgotten day; long ones miss a sale.'),
})

export const conditionSchema = z.strictObject({
  country: z.array(countryOr('ZZ')).min(1).optional().describe('ISO 3166-1 codes or sets; ZZ is a client whose country is not known.'),
  continent: z.array(continent).min(1).optional(),
  zone: z.array(id).min(1).optional(),
  asn: z.array(z.int().min(1).max(4294967295)).min(1).optional(),
}).describe('For which clients the step is meant. All given lists must match; within a list any value does.')

const memberSchema = z.strictObject({ id, weight: weight.optional().describe('Share relative to the other members. Default: the target\'s own weight.') })
const poolSchema = z.union([z.strictObject({ group: z.union([id, z.array(id).min(1)]) }), z.array(z.union([id, memberSchema], { error: 'give a target id, or { id: ID, weight: NUMBER }' })).min(1)], {
  error: 'give { group: ID }, or a list of target ids, each alone or as { id: ID, weight: NUMBER }',
})

export const stepSchema = z.strictObject({
  name: z.string().regex(/^[ -~]{1,64}$/, { error: 'use 1 to 64 printable ASCII characters' }).describe('Shown in records and explanations.'),
  when: conditionSchema.optional(),
  targets: poolSchema,
  select: z.enum(SELECTORS).describe('nearest: by distance. weighted: in proportion. rendezvous: each title on its own target. failover: the first that works.'),
  key: z.enum(KEYS).optional().describe('What keeps a title on few targets, for nearest and rendezvous: path, prefix (the folder, so all formats of a title) or none (each viewer on their own). Default: prefix for rendezvous, none for nearest. With a key caches fill once; without, a popular title spreads at once.'),
  spread: z.number().min(1).max(20).optional().describe('nearest: targets within this factor of the nearest one\'s distance share the load. Default 1.5. 1 overloads the nearest; a large one sends viewers far.'),
  loadFactor: z.number().min(1.01).max(100).optional().describe('nearest and rendezvous with a key: no target takes more than this factor of its fair share; the rest of a hot title overflows to its next target. Default 1.25. Near 1 every title is on many caches; a large one lets a hot title drown its target.'),
})

const fenceSchema = z.strictObject({
  allow: z.array(country).min(1).optional().describe('Only these countries. Give this or deny.'),
  deny: z.array(country).min(1).optional().describe('All but these countries.'),
  unknown: z.enum(['allow', 'deny']).optional().describe('What happens to clients whose country is not known. Default: deny with an allow list, allow with a deny list.'),
  status: z.literal([403, 404, 451]).optional().describe('Status of the refusal. Default 403; 451 is for legal reasons.'),
  redirect: z.string().max(2048).optional().describe('Where they are sent instead of a refusal: a URL on a host of a declared target.'),
})

export const serviceSchema = z.strictObject({
  service: id,
  hosts: z.array(host).optional().describe('Host names of the service. Another service\'s names are an error.'),
  prefix: prefix.optional().describe('Path prefix of the service on any other host. Default: none where hosts are given, otherwise / and the service\'s id. At most four parts. It is cut off before the viewer is sent on.'),
  jurisdiction: id.optional().describe('A policy under policies/. It filters before the choice and is asserted after it; nothing goes around it.'),
  fence: fenceSchema.optional(),
  steps: z.array(stepSchema).min(1).max(32).describe('Tried in order. A step that is not healthy enough for all of its viewers passes a share of them on.'),
  bypass: z.string().max(2048).optional().describe('Where viewers go when no step has a target left: //host/prefix for the scheme of the request, or https://host/prefix, which serves only viewers who come by https: players do not follow a redirect that changes the scheme. The host must belong to a declared target.'),
  rewrite: z.record(id, z.strictObject(rewrite)).optional().describe('By target id: how its address differs for this service.'),
  status: z.literal([302, 307]).optional().describe('Status of redirects. Default 302. Both keep GET and HEAD; 301 and 308 would be cached by browsers and are not offered.'),
  query: z.strictObject({ keep: z.array(z.string().min(1).max(100)).optional(), drop: z.array(z.string().min(1).max(100)).optional(), cmcd: z.array(z.enum(CMCD_KEYS)).min(1).optional().describe('Keys of the parameter CMCD that reach the target. Default: none, and CMCD is taken out of the redirect. Each is one more thing by which a target tells viewers apart; session and content ids are never passed on.') }).optional().describe('Query parameters that are passed on (keep: only these) or not (drop: all but these). Default: all but CMCD. A dropped token is a 403 at the target.'),
  segments: z.enum(['refuse', 'redirect']).optional().describe('What happens to media segments. refuse (default) is a 404 that shows a packaging mistake; redirect doubles the latency of each.'),
  delivery: z.enum(DELIVERIES).optional().describe('redirect (default) sends players to the target\'s own manifest; a player whose target dies then stops. steered answers with that manifest itself, allowed targets written into it, four at most while all is well, so that players move mid-stream; it needs the same paths on all targets, and the router to reach them.'),
  steering: z.strictObject({ ttl: z.int().min(5).max(300).optional().describe('Seconds after which a player asks for its order again, ±10 %. Default 20. Short ones cost the router a request each; with ones longer than a player\'s buffer a drain takes a while to be noticed.') }).optional(),
  panic: z.int().min(0).max(100).optional().describe('Percent of healthy targets below which a step\'s health is ignored, once no other step can help. Default 50. 0 sends everyone to the last healthy target; 100 trusts no check.'),
  content: z.array(z.strictObject({ match: z.string().min(1).max(500).describe('Path such as /live/{content}/**: literal parts, * for one, ** for the rest, {content} for the part that is the title.'), id: id.optional().describe('A fixed name instead of a captured part.') })).max(200).optional().describe('How titles are named in records. What matches nothing is _other: signed tokens live in paths, so nothing is copied from them unasked.'),
  referrers: z.array(host).max(1000).optional().describe('Host names of the sites that embed the service, for the side counters (log.counters). Default: none. A site that is not listed is counted as _other; with everybody\'s sites listed, a site that few people visit is told once k of them came.'),
})

export type RewriteInput = NonNullable<ServiceInput['rewrite']>[string]
export type GroupInput = z.infer<typeof groupSchema>
export type CheckInput = z.infer<typeof checkSchema>
export type TargetInput = z.infer<typeof targetSchema>
export type ZoneInput = z.infer<typeof zoneSchema>
export type PolicyInput = z.infer<typeof policySchema>
export type ServiceInput = z.infer<typeof serviceSchema>
export type StepInput = z.infer<typeof stepSchema>
export type ConditionInput = z.infer<typeof conditionSchema>

function countryOr(...others: readonly string[]) {
  const sets = Object.keys(COUNTRY_SETS)
  return z.string()
    .regex(new RegExp(`^([A-Z]{2}|${sets.join('|')})$`), { error: `use ISO 3166-1 codes in capitals such as NL, or a set: ${sets.join(', ')}`, abort: true })
    .refine((text) => isCountry(text) || sets.includes(text) || others.includes(text), { error: noSuchCountry })
}

/** An address in another spelling than that of URLs is found in no request, and one that they cannot read is reached by nobody. */
function isSpelledAsRead(host: string): boolean {
  return !NUMERIC.test(host) || readBack(host) === host
}

function readBack(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.hostname
}

function howSpelled({ input }: { readonly input?: unknown }): string {
  const read = typeof input === 'string' ? readBack(input) : undefined
  return read === undefined ? 'no such address exists; use four numbers up to 255, or IPv6 in brackets' : `use the spelling of URLs, ${read}`
}

function noSuchCountry({ input }: { readonly input?: unknown }): string {
  return `no country has this code; ${input === 'UK' ? 'use GB' : input === 'EL' ? 'use GR' : 'use one of ISO 3166-1'}`
}

/** The schema of the documents in each folder. */
export const SCHEMAS = { targets: targetsFileSchema, services: serviceSchema, zones: zonesFileSchema, policies: policySchema }

/** JSON Schema (draft 2020-12) of one kind of file, for editors. */
export function jsonSchema(schema: z.ZodType, title: string): object {
  return { ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), title }
}
