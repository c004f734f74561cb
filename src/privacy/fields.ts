/** The schema of the decision record, as data: documentation is generated from it, and `record.ts` judges by it. */
import type { DecisionRecord } from './record.ts'
import {
  AGENTS, RECORD_FORMATS, RECORD_LOCALIZATIONS, RECORD_OBJECTS, RECORD_OUTCOMES, RECORD_STATUSES,
} from './values.ts'

/** What a field's value may be. `list`: one of `values`; the others are described in `KINDS`. */
export type FieldKind =
  | 'list' | 'reasons' | 'counts' | 'id' | 'step' | 'content' | 'version' | 'minute' | 'country' | 'count' | 'jurisdiction'

export interface RecordField {
  readonly name: keyof DecisionRecord
  readonly kind: FieldKind
  /** Of a `list`. */
  readonly values?: readonly (string | number | boolean)[]
  /** Whether the value may be `null`. */
  readonly nullable?: true
  readonly meaning: string
  /** Where the value comes from. */
  readonly source: string
  /** Why it may be kept, or how it was made coarse. */
  readonly kept: string
}

export const RECORD_FIELDS: readonly RecordField[] = [
  { name: 'v', kind: 'list', values: [1], meaning: 'version of this format', source: 'constant', kept: 'says nothing of a viewer' },
  {
    name: 't', kind: 'minute',
    meaning: 'minute of the decision, UTC',
    source: 'clock',
    kept: 'milliseconds are cut off: a fine time joins records to other logs',
  },
  {
    name: 'service', kind: 'id', nullable: true,
    meaning: 'service, null where no service matched',
    source: 'configuration',
    kept: 'needed for statistics',
  },
  {
    name: 'content', kind: 'content',
    meaning: 'title',
    source: 'the service\'s content rules, otherwise _other',
    kept: 'the path itself is dropped: signed tokens live in paths',
  },
  {
    name: 'object', kind: 'list', values: RECORD_OBJECTS,
    meaning: 'what was asked for',
    source: 'extension of the path',
    kept: 'needed to count plays',
  },
  {
    name: 'format', kind: 'list', values: RECORD_FORMATS,
    meaning: 'streaming format',
    source: 'extension of the path',
    kept: 'needed for statistics',
  },
  {
    name: 'country', kind: 'country',
    meaning: 'country of the viewer, ZZ where not known',
    source: 'zone table or geo database',
    kept: 'the finest place there is; countries with few people become ZZ',
  },
  {
    name: 'agent', kind: 'list', values: AGENTS,
    meaning: 'person or machine',
    source: 'user agent',
    kept: 'four classes; the user agent itself is dropped',
  },
  { name: 'outcome', kind: 'list', values: RECORD_OUTCOMES, meaning: 'what was decided', source: 'decision', kept: 'needed for the proof' },
  {
    name: 'step', kind: 'step', nullable: true,
    meaning: 'step that gave the target, null for bypass, fence and refuse',
    source: 'configuration',
    kept: 'needed for the proof',
  },
  {
    name: 'target', kind: 'id', nullable: true,
    meaning: 'where the viewer was sent, null for refuse',
    source: 'configuration',
    kept: 'needed for the proof',
  },
  {
    name: 'localization', kind: 'list', values: RECORD_LOCALIZATIONS,
    meaning: 'how the viewer was placed',
    source: 'decision',
    kept: 'needed to judge the geo data',
  },
  {
    name: 'why', kind: 'reasons',
    meaning: 'reasons, in order; for refuse the one reason',
    source: 'decision',
    kept: 'needed for the proof',
  },
  {
    name: 'status', kind: 'list', values: RECORD_STATUSES,
    meaning: 'HTTP status as sent; 200 for a JSON answer',
    source: 'answer',
    kept: 'needed for operation',
  },
  {
    name: 'policy', kind: 'id', nullable: true,
    meaning: 'jurisdiction policy of the service, null where it has none',
    source: 'configuration',
    kept: 'needed for the proof',
  },
  {
    name: 'compliant', kind: 'list', values: [true, false], nullable: true,
    meaning: 'whether the target satisfied the policy, judged again for the record; null where there is no policy or no target',
    source: 'policy and target',
    kept: 'the proof',
  },
  {
    name: 'rejected', kind: 'counts',
    meaning: 'targets that were not eligible, by reason; `overload`, which depends on the viewer\'s draw, as the highest power of two that is not above it',
    source: 'decision',
    kept: 'needed for the proof',
  },
  {
    name: 'jurisdiction', kind: 'jurisdiction', nullable: true,
    meaning: 'jurisdiction of the target, null for refuse',
    source: 'configuration',
    kept: 'the proof',
  },
  {
    name: 'snapshot', kind: 'version',
    meaning: 'snapshot that decided, number and digest',
    source: 'configuration',
    kept: 'needed to replay',
  },
  { name: 'router', kind: 'id', meaning: 'router that decided', source: 'configuration', kept: 'needed for operation' },
  {
    name: 'n', kind: 'count',
    meaning: 'decisions that were exactly so',
    source: 'counted',
    kept: 'the sum of n is the number of decisions',
  },
]

export const KINDS: Readonly<Record<Exclude<FieldKind, 'list'>, string>> = {
  reasons: 'a list of reasons from the closed list, each at most once',
  counts: 'counts of at least 1 by reasons from the closed list',
  id: 'an id of the configuration or _other',
  step: 'a name of the configuration, 1 to 64 printable ASCII characters',
  content: 'an id of the configuration, a captured path segment or _other',
  version: 'a number, a colon and 8 hexadecimal digits',
  minute: 'a UTC minute such as 2026-03-01T20:31Z',
  country: 'two capital letters',
  count: 'a whole number of at least 1',
  jurisdiction: 'operator and parent (a country), server and logs (countries with commas between them), foreign (a list of laws); null: not declared',
}
