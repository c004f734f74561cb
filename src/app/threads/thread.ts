/** A thread that answers players: a data plane, and messages in the place of files, probes and Redis. */
import { parentPort, workerData } from 'node:worker_threads'
import { rawLine, rawRecordOf } from '../../archive/raw-record.ts'
import { clientPort, TrustedProxies } from '../../http/client-address.ts'
import { RelaySink } from '../../log/relay.ts'
import { Assembly } from '../../policy/pieces.ts'
import type { DrawKey } from '../../privacy/draw.ts'
import type { RouterOptions, Seen } from '../../router.ts'
import { HealthTable } from '../../routing/health-table.ts'
import type { Snapshot } from '../../routing/model.ts'
import { rawFactsOf } from '../archive.ts'
import { createDataPlane } from '../data-plane.ts'
import type { PlanePorts } from '../data-plane.ts'
import { codeOf } from '../../system.ts'
import type { FromThread, RawMessage, SeenMessage, SharedNumbers, ThreadInit, ToThread } from './messages.ts'

/** Milliseconds between two tellings of what targets were offered, as long as a tick of their shares. */
const LOAD_MS = 1000
/** Milliseconds that viewers and raw requests wait for company, and how many wait at most. */
const BATCH_MS = 100
const BATCH = 500

function run(port: NonNullable<typeof parentPort>, { settings, decided, records, viewers, raw }: ThreadInit): void {
  const tell = (message: FromThread, given: ArrayBuffer[] = []) => port.postMessage(message, given)
  let assembly = new Assembly()
  let arrived: Snapshot | undefined
  let sent: SharedNumbers | undefined
  let closing = false
  let drawKey: DrawKey = new Uint32Array(4)
  const setTimer: PlanePorts['setTimer'] = (action, ms) => {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  }
  const seen = batches<SeenMessage>((batch) => tell({ kind: 'seen', label: plane.world?.snapshot.label ?? '', viewers: batch }))
  const lines = batches<RawMessage>((batch) => tell({ kind: 'raw', lines: batch }))
  const trusted = TrustedProxies.parse(settings.trustedProxies)
  const onRaw: RouterOptions['onRaw'] = (resolved, wire, decision, snapshot, status, time) => lines.add({ line: attempt(() => rawLine(rawRecordOf(rawFactsOf(resolved, decision, snapshot, status, time, clientPort(wire, trusted))))), time })

  const plane = createDataPlane(settings, {
    sinks: records ? [new RelaySink((batch) => tell({ kind: 'records', batch }, [batch.bytes.buffer, batch.counts.buffer]))] : [],
    onDropped: (count, why) => tell({ kind: 'dropped', count, why }),
    setTimer,
    drawKey: () => drawKey,
    onSent: ({ index }) => {
      if (sent !== undefined) sent[index] = (sent[index] ?? 0) + 1
    },
    onDecided: () => {
      if (records) decided[0] = (decided[0] ?? 0) + 1
    },
    onError: (name) => tell({ kind: 'error', name }),
    ...(viewers ? { onViewer: (viewer) => seen.add(seenMessage(viewer)) } : {}),
    ...(raw ? { onRaw } : {}),
  })
  const telling = setInterval(() => {
    const counts = plane.world?.tally.take(plane.world.health) ?? []
    if (counts.length > 0) tell({ kind: 'load', label: plane.world?.snapshot.label ?? '', counts })
  }, LOAD_MS).unref()

  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'pieces':
        if (message.first) assembly = new Assembly()
        for (const piece of message.pieces) arrived = assembly.add(piece)
        return tell({ kind: 'taken' })
      case 'world':
        if (arrived === undefined) return
        // What was seen so far belongs to services of the former snapshot.
        seen.flush()
        plane.apply(arrived, new HealthTable(arrived, message.columns, plane.world?.health))
        sent = message.sent
        arrived = undefined
        return tell({ kind: 'applied' })
      case 'pass':
        if (plane.world?.snapshot.label === message.label) for (const [pool, shares] of message.shares) plane.world.health.pass[pool] = shares
        return
      case 'place':
        return plane.place(message.shared)
      case 'draw':
        drawKey = message.key
        return
      case 'ping':
        return tell({ kind: 'pong' })
      case 'listen':
        if (closing) return
        return void plane.listen(message.options).then(({ host, port: chosen }) => tell({ kind: 'listening', host, port: chosen }), (error: unknown) => tell({ kind: 'deaf', code: codeOf(error) }))
      case 'totals':
        return tell({ kind: 'totals', id: message.id, totals: plane.totals() })
      case 'close':
        closing = true
        return void plane.close().then(() => {
          clearInterval(telling)
          seen.flush()
          lines.flush()
          tell({ kind: 'closed' })
          port.close()
        })
    }
  })
}

/** Gathers what comes, for a message now and then. */
function batches<T>(send: (batch: readonly T[]) => void): { add(item: T): void, flush(): void } {
  let waiting: T[] = []
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (waiting.length > 0) send(waiting)
    waiting = []
  }
  return {
    add: (item) => {
      if (waiting.push(item) >= BATCH) flush()
      else timer ??= setTimeout(flush, BATCH_MS)
    },
    flush,
  }
}

function seenMessage({ service, address, asn, userAgent, referer, now }: Seen): SeenMessage {
  const words = address === undefined ? ([0, 0, 0, 0] as const) : ([address.word(0), address.word(1), address.word(2), address.word(3)] as const)
  return { service: service.index, family: address?.family ?? 0, words, asn, userAgent, referer, now }
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

if (parentPort !== null) run(parentPort, workerData as ThreadInit)
