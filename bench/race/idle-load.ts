/**
 * Opens connections and keeps them: `node bench/race/idle-load.ts PORT COUNT NUMBER FILE`. Each sends one request of the
 * file. Tells its parent how many are open when all that could be were answered, and keeps them until it is ended.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

export interface IdleReport {
  /** Answered, and not closed by the server since. */
  readonly open: number
}

/** At once, so that none waits for long in a queue of the server. */
const OPENING = 100
const SOURCES = 4
/** Milliseconds. Servers close what has been idle for five seconds. */
const DEADLINE = 8000

const [port = 0, count = 0, number = 0] = process.argv.slice(2, 5).map(Number)
const texts = readFileSync(process.argv[5] ?? '', 'latin1').split('\0', 1000)

let begun = 0
let settled = 0
let open = 0
const report = () => {
  clearTimeout(timer)
  process.send?.({ open } satisfies IdleReport)
}
const timer = setTimeout(report, DEADLINE)

function next(): void {
  if (begun === count) return
  const socket = connect({ host: '127.0.0.1', port, localAddress: `127.0.${1 + number}.${1 + (begun % SOURCES)}` })
  const text = texts[begun++ % texts.length] ?? ''
  let answered = false
  const settle = () => {
    if (++settled === count) report()
    else next()
  }
  socket.once('connect', () => socket.write(text))
  socket.once('data', () => {
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
