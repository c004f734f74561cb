// Alert rules are read by Prometheus alone, so a metric that was renamed would be missed for ever.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import t from 'tap'
import { ARCHIVE_RESULTS, METRICS } from '../../src/stats/definitions.ts'
import { REFUSALS } from '../../src/state/follower.ts'
import { OUTCOMES } from '../../src/routing/decision.ts'
import { REASON_NAMES } from '../../src/routing/reasons.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}

const { groups } = parse(readFileSync(`${import.meta.dirname}/../../config/alerts.yaml`, 'utf8')) as { groups: { name: string; rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)

t.test('every rule has a name of its own, a severity and a sentence', async (t) => {
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  for (const { alert, labels, annotations } of rules) {
    t.match(alert, /^Wissel[A-Za-z]+$/)
    t.match(labels.severity, /^(page|ticket)$/, alert)
    t.ok(annotations.summary.length > 20, alert)
  }
})

t.test('every metric and label that a rule asks for exists, with the values that it asks for', async (t) => {
  const values: Record<string, readonly string[]> = { reason: [...REASON_NAMES, ...REFUSALS], outcome: OUTCOMES, state: ['up', 'down', 'unknown'], result: ARCHIVE_RESULTS }
  for (const { alert, expr } of rules) {
    for (const [, name = '', matchers = ''] of expr.matchAll(/\b(wissel_\w+)(?:\{([^}]*)\})?/g)) {
      const metric = Object.entries(METRICS).find(([known]) => known === name)?.[1]
      if (metric === undefined) {
        t.fail(`${alert} asks for ${name}`)
        continue
      }
      for (const [, label = '', wanted = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!=|=)\s*"([^"]*)"/g)) {
        t.ok(Object.hasOwn(metric.labels, label), `${alert}: ${name} has ${label}`)
        for (const value of wanted.split('|')) t.ok(values[label]?.includes(value), `${alert}: ${label} can be ${value}`)
      }
    }
  }
})

t.test('what can go on unseen for hours has a rule', async (t) => {
  const asked = rules.map(({ expr }) => expr).join(' ')
  for (const name of [
    'wissel_snapshot_version', 'wissel_snapshot_refused_total', 'reason="regress"', 'wissel_services_quarantined', 'wissel_state_kept', 'wissel_prober_quarantined', 'panic',
    'wissel_health_transitions_total', 'wissel_redis_up', 'wissel_redis_state_seconds', 'wissel_state_seen_seconds', 'wissel_redis_evicts', 'wissel_target_state',
    'wissel_archive_key_days', 'wissel_archive_expired_total', 'wissel_archive_records_total',
  ]) t.ok(asked.includes(name), name)
})
