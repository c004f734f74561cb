/** The page of metrics. The owner of `prom-client`. */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { METRICS } from './definitions.ts'
import type { MetricName } from './definitions.ts'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One metric and where its values are read, each time that the page is. */
export interface Series {
  readonly name: Exclude<MetricName, 'wissel_decision_duration_seconds'>
  readonly read: () => readonly Sample[]
}

export interface Page {
  readonly contentType: string
  render(): Promise<string>
}

/** @param process whether to add the process's own: processor, memory, event loop, garbage */
export function createPage(series: readonly Series[], process: boolean): Page {
  const registry = new Registry()
  for (const one of series) collect(registry, one)
  if (process) collectDefaultMetrics({ register: registry })
  return { contentType: registry.contentType, render: () => registry.metrics() }
}

function collect(registry: Registry, { name, read }: Series): void {
  const { type, help, labels } = METRICS[name]
  const config = { name, help, labelNames: Object.keys(labels), registers: [registry] }
  if (type === 'counter') {
    new Counter({
      ...config,
      collect() {
        this.reset()
        for (const { labels: of, value } of read()) this.inc(of, value)
      },
    })
    return
  }
  new Gauge({
    ...config,
    collect() {
      this.reset()
      // Resetting a gauge without labels gives it a zero, where nothing is known.
      if (config.labelNames.length === 0) this.remove()
      for (const { labels: of, value } of read()) this.set(of, value)
    },
  })
}
