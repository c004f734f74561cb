/** What is asked of a snapshot, and what is decided. */
import type { Country, Member, Place, Scheme, Service, Step, Target, Zone } from './model.ts'
import type { Reason } from './reasons.ts'

/** How the client was placed. */
export const LOCALIZATIONS = ['zone', 'asn', 'geo', 'default'] as const
export type Localization = (typeof LOCALIZATIONS)[number]

/** The client as a decision sees it: a place and a draw, never an address. */
export interface Client {
  readonly place: Place
  /** From the operator's table, by address. */
  readonly zone: Zone | undefined
  /** Autonomous system number; 0 where not known. */
  readonly asn: number
}

export interface RoutingRequest {
  readonly scheme: Scheme
  /** Lower case, without port or trailing dot. */
  readonly host: string
  /** As received, starting with exactly one `/`, already checked: no dot segments, no backslash, no control byte. */
  readonly path: string
  /** As received, without the `?`; empty where there is none. */
  readonly query: string
  readonly client: Client
  /** Milliseconds since the epoch, for evidence that expires. */
  readonly now: number
  /** Targets that must not be chosen: those that an ordered list already holds. */
  readonly exclude?: ReadonlySet<Target>
}

export type RejectedCounts = Readonly<Partial<Record<Reason, number>>>

interface DecisionBase {
  readonly service: Service | undefined
  readonly localization: Localization
  readonly country: Country
  readonly why: readonly Reason[]
  /** Targets that were not eligible, counted by reason, over the steps that were tried. */
  readonly rejected: RejectedCounts
}

export interface Redirect extends DecisionBase {
  readonly outcome: 'redirect' | 'panic' | 'last_resort' | 'bypass' | 'fence'
  readonly service: Service
  /** The step that gave the target; absent for a bypass or a fence. */
  readonly step: Step | undefined
  readonly member: Member
  /** What follows the member's base in `Location`: the request's path without the service's prefix, or a fixed path. */
  readonly path: string
  /** Whether the request's query goes along. */
  readonly withQuery: boolean
  readonly status: 302 | 307
}

export interface Refuse extends DecisionBase {
  readonly outcome: 'refuse'
  readonly reason: Reason
  readonly status: 403 | 404 | 451 | 503
}

export type Decision = Redirect | Refuse
export const OUTCOMES = ['redirect', 'panic', 'last_resort', 'bypass', 'fence', 'refuse'] as const
export type Outcome = (typeof OUTCOMES)[number]
