/** `wissel log verify DIR`: whether every decision of a stream is accounted for. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { WisselError } from '../errors.ts'
import { Account } from '../log/segments/account.ts'
import type { WriterAccount } from '../log/segments/account.ts'
import { segmentsAmong } from '../log/segments/names.ts'
import { linesOf } from '../log/segments/read.ts'

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

export async function accountsOf(directory: string): Promise<WriterAccount[]> {
  let files: string[]
  try {
    files = await readdir(directory)
  } catch (error) {
    throw new WisselError('WISSEL_USAGE', [`the log directory cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'})`], { cause: error })
  }
  const segments = Map.groupBy(segmentsAmong(files), ({ writer }) => writer)
  const accounts: WriterAccount[] = []
  for (const [writer, own] of segments) {
    const account = new Account(writer)
    for (const segment of own.toSorted((a, b) => a.number - b.number)) {
      account.segment(segment)
      for await (const { text, torn } of linesOf(join(directory, segment.file))) account.line(text, torn)
    }
    accounts.push(account.result)
  }
  return accounts
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
