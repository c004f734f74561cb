/**
 * Loaded into a router before its own code, to make faults that nothing outside of the process can: a wall clock that
 * jumps, and a network that reaches Redis and not the targets. The file that `CHAOS_FAULTS` names says what is wrong now.
 */
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'

export interface FaultsInside {
  /** Milliseconds that the wall clock is ahead. */
  readonly clockMs?: number
  /** Ports that cannot be reached. */
  readonly unreachable?: readonly number[]
}

const LOOK_MS = 20

let faults: FaultsInside = {}

function look(file: string): void {
  try {
    const read: FaultsInside = JSON.parse(readFileSync(file, 'utf8'))
    faults = read
  } catch {
    // Not written yet, or being written: what was wrong is still wrong.
  }
}

const RightDate = Date

/** A clock that is wrong is wrong for whatever asks it. */
class WrongDate extends RightDate {
  constructor(...args: unknown[]) {
    super(...((args.length === 0 ? [WrongDate.now()] : args) as [number]))
  }

  static override now(): number {
    return RightDate.now() + (faults.clockMs ?? 0)
  }
}

function cutOff(): void {
  const connect = Socket.prototype.connect
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
    const [options] = [args[0]].flat() as { port?: unknown }[]
    if (!(faults.unreachable ?? []).includes(Number(options?.port))) return Reflect.apply(connect, this, args) as Socket
    setImmediate(() => this.destroy(Object.assign(new Error('unreachable'), { code: 'EHOSTUNREACH' })))
    return this
  }
}

const file = process.env['CHAOS_FAULTS']
if (file !== undefined) {
  look(file)
  setInterval(() => look(file), LOOK_MS).unref()
  cutOff()
  globalThis.Date = WrongDate as DateConstructor
}
