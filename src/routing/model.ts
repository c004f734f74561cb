/**
 * The nouns of a snapshot: what is configured, as a decision reads it. Nothing here does anything: `policy/` builds it, `decide.ts`
 * reads it.
 *
 * Everything is readonly and, once built, frozen: a decision that changed the snapshot would change the next viewer's.
 */

/** ISO 3166-1 alpha-2 in upper case, or `ZZ` where the country is not known. */
export type Country = string
/** `AF AN AS EU NA OC SA`, or `ZZ` where the continent is not known. */
export type Continent = string

/** A place on the globe as a unit vector, so that "nearer" is one dot product. Made by `vector()` in `distance.ts`. */
export interface Vector {
  readonly x: number
  readonly y: number
  readonly z: number
}

/** What a geo database knows of an address. One object per database record, shared by all of its addresses. */
export interface Place {
  readonly country: Country
  readonly continent: Continent
  /** The record's coordinates, or the country's reference point; absent where neither is known. */
  readonly at: Vector | undefined
}

/** A row of the operator's own table: networks or autonomous systems whose clients belong to a group or target. */
export interface Zone {
  readonly index: number
  readonly id: string
  /** Where its clients are served first: every target of a group, or one target. */
  readonly prefer: { readonly group: Group } | { readonly target: Target }
  /** Overrides the geo database's country, where the operator knows better. */
  readonly country: Country | undefined
  readonly continent: Continent | undefined
}

/** Edges in one place, or groups of such groups. */
export interface Group {
  readonly index: number
  readonly id: string
  readonly parent: Group | undefined
  readonly at: Vector | undefined
}

/** Laws of third countries that reach an operator wherever its servers stand. Closed, so that a policy can name them. */
export const FOREIGN_LAWS = ['US-CLOUD-ACT', 'US-FISA-702', 'US-EO-12333', 'CN-NIL', 'RU-SORM', 'UK-IPA', 'IN-TA', 'other'] as const
export type ForeignLaw = (typeof FOREIGN_LAWS)[number]

/**
 * Who runs a target, who owns them, where it stands, where its logs are, and which foreign laws reach it.
 * An attribute that is `undefined` is not known, and what is not known never satisfies a policy.
 */
export interface Jurisdiction {
  readonly operator: Country | undefined
  readonly parent: Country | undefined
  readonly server: readonly Country[] | undefined
  /** Where logs are stored. Empty: the target keeps none, which satisfies any policy on logs. */
  readonly logs: readonly Country[] | undefined
  readonly foreign: readonly ForeignLaw[] | undefined
  /** Milliseconds since the epoch: the earliest end of any evidence. `undefined`: there is no evidence. */
  readonly evidenceUntil: number | undefined
  /** Milliseconds since the epoch of the last review by a person; `undefined`: never reviewed. */
  readonly reviewedAt: number | undefined
}

/** What a service demands of a target's jurisdiction. An absent attribute is not constrained. */
export interface JurisdictionPolicy {
  readonly index: number
  readonly id: string
  readonly operator: ReadonlySet<Country> | undefined
  readonly parent: ReadonlySet<Country> | undefined
  readonly server: ReadonlySet<Country> | undefined
  readonly logs: ReadonlySet<Country> | undefined
  /** The foreign laws that are tolerated; `undefined` tolerates all. */
  readonly foreign: ReadonlySet<ForeignLaw> | undefined
  /** Days after a review until it must be repeated; `undefined` demands no review. */
  readonly reviewDays: number | undefined
  /** Whether dated evidence must exist and be in force. */
  readonly evidence: boolean
}

export type Scheme = 'http' | 'https'

/** Where a viewer is sent: the part of `Location` before the path, per scheme of the request; absent = not served. */
export interface Base {
  readonly http: string | undefined
  readonly https: string | undefined
}

export const ADMIN_STATES = ['auto', 'up', 'down', 'drain'] as const
export type AdminState = (typeof ADMIN_STATES)[number]
export const HEALTH_STATES = ['unknown', 'up', 'down'] as const
export type HealthState = (typeof HEALTH_STATES)[number]

/** An address family as configurations and operators name it. */
export const FAMILIES = ['ipv4', 'ipv6'] as const
export type Family = (typeof FAMILIES)[number]

/** How a target is asked whether it works. */
export interface HealthCheck {
  readonly method: 'GET' | 'HEAD'
  /** Scheme, host name, port, path and query, as they are connected to. */
  readonly url: string
  /** `Host` and the name in the TLS handshake, where they differ from the URL's. */
  readonly host: string | undefined
  /** `undefined`: 200 to 299. */
  readonly statuses: ReadonlySet<number> | undefined
  readonly contains: string | undefined
  readonly intervalMs: number
  /** Share of the interval by which a check is early or late at random. */
  readonly jitter: number
  /** For all of a check, from the look-up to the last byte. */
  readonly timeoutMs: number
  readonly rise: number
  readonly fall: number
  readonly allowInternal: boolean
  /** `undefined`: whichever the name resolves to. */
  readonly families: readonly Family[] | undefined
}

/** How much a target can carry, and what it does when it comes back. */
export interface TargetHealth {
  /** `undefined`: nobody asks, so the target is up. */
  readonly check: HealthCheck | undefined
  /** `undefined`: only what the target itself reports. */
  readonly capacityMbps: number | undefined
  /** What one viewer takes. */
  readonly bitrateMbps: number
  /** Utilisations, 0 to 1, between which a rising share of viewers is turned away. */
  readonly shedLow: number
  readonly shedHigh: number
  /** From a tenth of its viewers to all of them after a failure; 0: all at once. */
  readonly slowStartMs: number
  /** SHA-256, hexadecimal, of the token that authorises the target's load reports; `undefined`: none are taken. */
  readonly loadTokenHash: string | undefined
}

/** One place that a viewer may be sent to. */
export interface Target {
  /** Its position in `Snapshot.targets` and in the health table. */
  readonly index: number
  readonly id: string
  readonly kind: 'edge' | 'cdn'
  readonly group: Group | undefined
  readonly at: Vector | undefined
  readonly base: Base
  /** Every host name, lower case, that a `Location` to this target may carry. */
  readonly hosts: readonly string[]
  /** What the configuration says; an operator's command in the health table wins over it. */
  readonly adminState: AdminState
  readonly jurisdiction: Jurisdiction
  /** Absent: not checked, takes no load reports. */
  readonly health?: TargetHealth
  /** Hash of the id, so that a target keeps its titles when others come and go. */
  readonly seed: number
}

/** A target as one service uses it: with that service's weight and its address rewritten where the service says so. */
export interface Member {
  readonly target: Target
  /** Share relative to the other members. 0 is served only when nothing else is left. */
  readonly weight: number
  readonly base: Base
  /** In its pool. Absent: it is looked for. */
  readonly position?: number
}

/**
 * A list of members under one jurisdiction policy. Services that use the same list share one pool,
 * so that 10,000 services over one fleet cost one list.
 */
export interface Pool {
  readonly index: number
  readonly members: readonly Member[]
  readonly policy: JurisdictionPolicy | undefined
  /** The strictest bound on loads of the steps that use it; absent: none has one. */
  readonly loadFactor?: number | undefined
}

export const SELECTORS = ['nearest', 'weighted', 'rendezvous', 'failover'] as const
export type SelectorName = (typeof SELECTORS)[number]

/** What keeps a title on few edges: its whole path, its folder (all formats of one title), or nothing. */
export const KEYS = ['path', 'prefix', 'none'] as const
export type KeyMode = (typeof KEYS)[number]

/** For which clients a step is meant. All given lists must match; within a list any value does. */
export interface Condition {
  readonly countries: ReadonlySet<Country> | undefined
  readonly continents: ReadonlySet<Continent> | undefined
  readonly zones: ReadonlySet<string> | undefined
  readonly asns: ReadonlySet<number> | undefined
}

/** One rung of a service's policy. */
export interface Step {
  /** Among the steps of all services. */
  readonly index: number
  readonly name: string
  /** Hash of service and step name: the same viewer draws anew in each step, and keeps the draw over configurations. */
  readonly seed: number
  readonly when: Condition | undefined
  readonly pool: Pool
  readonly select: SelectorName
  readonly key: KeyMode
  /** `nearest`: targets within this factor of the nearest one's distance share the load. */
  readonly spread: number
  /** `rendezvous` and keyed `nearest`: no target takes more than this factor of the mean; `undefined` = no bound. */
  readonly loadFactor: number | undefined
}

/** A fixed destination that is not chosen, such as a bypass. It belongs to a declared target and obeys its jurisdiction. */
export interface Fixed {
  readonly member: Member
  /** Path (and query) that replaces the request's; `undefined` keeps the request's own. */
  readonly path: string | undefined
}

/** Countries that a service may or may not be watched in. */
export interface Fence {
  readonly mode: 'allow' | 'deny'
  readonly countries: ReadonlySet<Country>
  /** What happens to a client whose country is not known. */
  readonly unknown: 'allow' | 'deny'
  readonly status: 403 | 404 | 451
  readonly redirect: Fixed | undefined
}

/** Which query parameters reach the target. */
export interface QueryRule {
  readonly mode: 'all' | 'keep' | 'drop'
  readonly names: ReadonlySet<string>
  /** Keys of `CMCD` that are passed on, whatever the mode. Absent: none, and `CMCD` never reaches the target. */
  readonly cmcd?: ReadonlySet<string>
}

export const DELIVERIES = ['redirect', 'steered'] as const
export type Delivery = (typeof DELIVERIES)[number]

/** What one customer configured under one host name or path prefix. */
export interface Service {
  readonly index: number
  readonly id: string
  /** The first of its host names; `undefined`: by prefix only. */
  readonly host: string | undefined
  /** Path prefix on any host, such as `/demo`, without a slash at the end; `undefined`: by host only. */
  readonly prefix: string | undefined
  readonly policy: JurisdictionPolicy | undefined
  readonly fence: Fence | undefined
  readonly steps: readonly Step[]
  /** The service's own fallback URL. */
  readonly bypass: Fixed | undefined
  readonly status: 302 | 307
  readonly query: QueryRule
  /** Whether media segments are redirected as manifests are, or refused. */
  readonly segments: 'redirect' | 'refuse'
  /** Percent of a step's targets that must be healthy; below it health is ignored, when no other step can help. */
  readonly panicThreshold: number
  /** Whether manifests are redirected to, or answered by the router with steering written into them. Absent: `redirect`. */
  readonly delivery?: Delivery | undefined
  /** Seconds between a viewer's steering requests; absent: 20. */
  readonly steeringTtl?: number | undefined
  /** How the service's paths are named in records. */
  readonly content: readonly ContentRule[]
  /** Host names of the sites that are counted as where viewers come from. Absent: none. */
  readonly referrers?: ReadonlySet<string> | undefined
}

/** Names a title in records. Segments are literal, `*` (one), `**` (the rest) or `{content}` (one, captured). */
export interface ContentRule {
  readonly id: string | undefined
  readonly segments: readonly string[]
}

/** Longest-prefix look-up of the operator's table. `geo/` builds it; a decision gets only its result. */
export interface ZoneTable {
  readonly size: number
  /** Words are the address's bits, most significant first; IPv4 is one word, IPv6 four. */
  find4(word: number): Zone | undefined
  find6(w0: number, w1: number, w2: number, w3: number): Zone | undefined
  findAsn(asn: number): Zone | undefined
}

/** Version of a snapshot as operators and records see it: `number:first 8 hex of the digest`. */
export interface Version {
  readonly epoch: number
  readonly number: number
  readonly digest: string
}

/** As much of an array of services as threads have that read a service when it is first asked for. */
export type ServiceList = Pick<readonly Service[], 'length' | 'at' | typeof Symbol.iterator>
/** As much of a map as they have. */
export type ServiceNames = Pick<ReadonlyMap<string, Service>, 'get' | 'has' | typeof Symbol.iterator>

/** Everything that a decision may depend on, but for health. */
export interface Snapshot {
  readonly version: Version
  readonly label: string
  readonly targets: readonly Target[]
  readonly groups: readonly Group[]
  readonly policies: readonly JurisdictionPolicy[]
  readonly services: ServiceList
  /** Whether there is one whose manifests the router answers. */
  readonly steered: boolean
  readonly pools: readonly Pool[]
  readonly ids: ServiceNames
  readonly hosts: ServiceNames
  readonly prefixes: ServiceNames
  readonly zones: ZoneTable
}
