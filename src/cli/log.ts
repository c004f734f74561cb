/** `wissel log verify DIR`: whether every decision of a stream is accounted for. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { WisselError } from '../errors.ts'
import { Account } from '../log/segments/account.ts'
import type { WriterAccount } from '../log/segments/account.ts'
import { closedSegment, segmentsAmong } from '../log/segments/names.ts'
import type { SegmentName } from '../log/segments/names.ts'
import { linesOf } from '../log/segments/read.ts'
import type { FileLine } from '../log/segments/read.ts'
import { codeOf } from '../system.ts'

/** How often a writer's segments are read again because one went meanwhile. */
const ATTEMPTS = 20

export interface LogVerifyOptions {
  readonly json: boolean
  readonly out: (text: string) => void
}

/** Prints one row per writer. The exit status: 0 when all of them add up, 1 when not or when there is nothing to add. */
export async function verifyLog(directory: string, { json, out }: LogVerifyOptions): Promise<number> {
  const accounts = await accountsOf(directory)
  const adds = accounts.length > 0 && accounts.every(({ problems, lost }) => problems.length === 0 && lost === 0)
  if (json) out(`${JSON.stringify({ adds, writers: accounts }, null, 2)}\n`)
  else out(report(directory, accounts, adds))
  return adds ? 0 : 1
}

type List = (directory: string) => Promise<readonly string[]>

/** @param list names of the files in a directory */
export async function accountsOf(directory: string, list: List = readdir): Promise<WriterAccount[]> {
  const accounts: WriterAccount[] = []
  for (const writer of new Set((await segmentsIn(directory, list)).map(({ writer }) => writer))) {
    const account = await accountOf(directory, writer, list)
    if (account.segments > 0) accounts.push(account)
  }
  return accounts
}

/** Others close and delete segments meanwhile. Where one is gone, those before it are too, and what is left is read again. */
async function accountOf(directory: string, writer: string, list: List): Promise<WriterAccount> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const account = new Account(writer)
    const own = (await segmentsIn(directory, list)).filter((segment) => segment.writer === writer).sort((a, b) => a.number - b.number)
    let whole = true
    for (const segment of own) whole &&= (await read(directory, segment, account)) || (segment.open && (await read(directory, closedSegment(segment), account)))
    if (whole) return account.result
  }
  throw new WisselError('WISSEL_USAGE', ['segments are deleted faster than they are read; give the directory a larger budget, or verify a copy of it'])
}

/** Returns false, with the account as it was, where the file is not there. */
async function read(directory: string, segment: SegmentName, account: Account): Promise<boolean> {
  const lines = linesOf(join(directory, segment.file))
  let line: IteratorResult<FileLine, unknown>
  try {
    line = await lines.next()
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return false
    throw new WisselError('WISSEL_USAGE', [`a segment cannot be read (${code})`], { cause: error })
  }
  account.segment(segment)
  for (; line.done !== true; line = await lines.next()) account.line(line.value.text, line.value.torn)
  account.ended()
  return true
}

async function segmentsIn(directory: string, list: List): Promise<SegmentName[]> {
  try {
    return segmentsAmong(await list(directory))
  } catch (error) {
    throw new WisselError('WISSEL_USAGE', [`the log directory cannot be read (${codeOf(error)})`], { cause: error })
  }
}

const ENDS: Record<WriterAccount['end'], string> = {
  stopped: 'stopped as planned',
  running: 'still written to, or killed',
  killed: 'killed, or its disk was full to the last: what it had in memory is missing after the last line, a window of each thread or more',
  unknown: 'the last segment is closed and no other follows',
}

function report(directory: string, accounts: readonly WriterAccount[], adds: boolean): string {
  if (accounts.length === 0) return `${directory}: there are no segments\n`
  const columns = ['decided', 'recorded', 'dropped', 'lost', 'expired'] as const
  const sum = (column: typeof columns[number]) => accounts.reduce((total, account) => total + account[column], 0)
  const width = Math.max(...accounts.map(({ writer }) => writer.length), 6)
  const row = (name: string, values: readonly (number | string)[], end: string) => `${name.padEnd(width)}${values.map((value) => String(value).padStart(12)).join('')}  ${end}`.trimEnd()
  const lines = [row('writer', columns, 'end')]
  for (const account of accounts) {
    lines.push(row(account.writer, columns.map((column) => account[column]), ENDS[account.end]))
    for (const problem of account.problems) lines.push(`  ${problem}`)
  }
  if (accounts.length > 1) lines.push(row('all', columns.map(sum), ''))
  const known = accounts.every(({ end }) => end === 'stopped')
  lines.push(adds ? `adds up: every decision ${known ? '' : 'that the files know of '}is recorded, dropped and counted, or expired` : 'does not add up')
  return `${lines.join('\n')}\n`
}
