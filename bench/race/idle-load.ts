/**
 * Opens connections and keeps them: `node bench/race/idle-load.ts PORT COUNT NUMBER FILE`. Each sends one request of the
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
const SOURCES = 4
/** Milliseconds after the first answer: servers close what has been idle for five seconds, the first ones first. */
const DEADLINE = 4500

const [port = 0, count = 0, number = 0] = process.argv.slice(2, 5).map(Number)
const texts = readFileSync(process.argv[5] ?? '', 'latin1').split('\0', 1000)

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
  const socket = connect({ host: '127.0.0.1', port, localAddress: `127.0.${1 + number}.${1 + (begun % SOURCES)}` })
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
