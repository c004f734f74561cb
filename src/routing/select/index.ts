/** Selectors by the name that a policy gives; the only list of them. */
import type { SelectorName } from '../model.ts'
import { failover } from './failover.ts'
import { nearest } from './nearest.ts'
import { rendezvous } from './rendezvous.ts'
import type { Selector } from './selector.ts'
import { weighted } from './weighted.ts'

export const selectors: Readonly<Record<SelectorName, Selector>> = { nearest, weighted, rendezvous, failover }
