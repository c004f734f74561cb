/**
 * Opens connections and keeps them: `node bench/race/idle-load.ts PORT COUNT FILE`. Each sends one request of the
 * file. Tells its parent how many are open when all are answered, or shortly before the first would be closed, and keeps them
 * until it is ended.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

export interface IdleReport {
  /** Answered, and not closed by the server since. */
  readonly open: number
}

/** At once, so that none waits for long in a queue of the server. */
const OPENING = 100
/** Milliseconds after the first answer: servers close what has been idle for five seconds, the first ones first. */
const DEADLINE = 4500

const [port = 0, count = 0] = process.argv.slice(2, 4).map(Number)
const texts = readFileSync(process.argv[4] ?? '', 'latin1').split('\0', 1000)

let begun = 0
let settled = 0
let open = 0
let timer: NodeJS.Timeout | undefined
const report = () => {
  clearTimeout(timer)
  process.send?.({ open } satisfies IdleReport)
}

function next(): void {
  if (begun === count) return
  // Without an address of its own: the system looks for a free port of that, among those that others have left behind, for 10 ms each.
  const socket = connect({ host: '127.0.0.1', port })
  const text = texts[begun++ % texts.length] ?? ''
  let answered = false
  const settle = () => {
    if (++settled === count) report()
    else next()
  }
  socket.once('connect', () => socket.write(text))
  socket.once('data', () => {
    timer ??= setTimeout(report, DEADLINE)
    answered = true
    open++
    settle()
  })
  socket.on('error', () => undefined)
  socket.once('close', () => {
    if (answered) open--
    else settle()
  })
}

process.once('disconnect', () => process.exit())
for (let i = 0; i < OPENING; i++) next()
