/** One player in one page: what it plays and what it asks for, with times. */
import type { Browser, Request as PageRequest } from 'playwright-core'
import type { Pages, Player } from './pages.ts'
import type { Delivery } from './router.ts'

/** Milliseconds since the epoch. */
export interface Request {
  readonly at: number
  readonly url: URL
}

export interface Sample {
  readonly at: number
  /** Seconds of the stream. */
  readonly position: number
}

export interface Watched {
  readonly player: Player
  readonly delivery: Delivery
  /** In order. */
  requests(): readonly Request[]
  readonly samples: readonly Sample[]
  readonly started: () => boolean
  /** What the player said was fatal. */
  errors(): Promise<readonly string[]>
  close(): Promise<void>
}

const SAMPLE_MS = 500

export async function watch(browser: Browser, pages: Pages, player: Player, delivery: Delivery, stream: string): Promise<Watched> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const requests: { readonly heard: number; readonly request: PageRequest }[] = []
  const samples: Sample[] = []
  page.on('request', (request) => {
    if (/^https?:/.test(request.url())) requests.push({ heard: Date.now(), request })
  })
  await page.goto(pages.url(player, stream), { timeout: 120_000 })
  let open = true
  page.once('close', () => (open = false))
  const sampling = (async () => {
    while (open) {
      const position = await page.evaluate('document.querySelector("video").currentTime').catch(() => undefined)
      if (typeof position === 'number') samples.push({ at: Date.now(), position })
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))
    }
  })()
  return {
    player,
    delivery,
    // The browser's own time: on a busy machine its events come late. A request that failed may have none.
    requests: () => requests.map(({ heard, request }) => ({ at: Math.max(request.timing().startTime, 0) || heard, url: new URL(request.url()) })).sort((a, b) => a.at - b.at),
    samples,
    started: () => advanced(samples) > 0.5,
    errors: async () => {
      const errors: unknown = await page.evaluate('window.errors').catch(() => [])
      return Array.isArray(errors) ? errors.map(String) : []
    },
    close: async () => {
      open = false
      await context.close()
      await sampling
    },
  }
}

/** Seconds that were played; a jump to the live edge is not playing. */
export function advanced(samples: readonly Sample[]): number {
  let sum = 0
  for (const [i, { at, position }] of samples.entries()) {
    const before = samples[i - 1]
    if (before !== undefined) sum += Math.max(0, Math.min(position - before.position, (at - before.at) / 1000 + 0.5))
  }
  return sum
}

/** Seconds of the longest time without advance. */
export function longestStall(samples: readonly Sample[]): number {
  let longest = 0
  let since = samples[0]
  for (const sample of samples) {
    if (since === undefined || sample.position > since.position + 0.05 || sample.position < since.position - 0.05) since = sample
    longest = Math.max(longest, sample.at - since.at)
  }
  return longest / 1000
}

/** Seconds beyond the usual between two looks at the page: what the machine did not give it. */
export function longestWait(samples: readonly Sample[]): number {
  const waits = samples.slice(1).map(({ at }, i) => at - (samples[i]?.at ?? at) - SAMPLE_MS)
  return Math.max(0, ...waits) / 1000
}
