/** `wissel archive`: the keys of the sealed archive, its proof, its transport, and the one narrow way to look into it. */
import { ArchiveError } from '../archive/archive-error.ts'
import { checkAudit, withAuditLog } from '../archive/audit-log.ts'
import { linkOf } from '../archive/chain.ts'
import { combine } from '../archive/combine.ts'
import { dayOf, isDay } from '../archive/day.ts'
import { files } from '../archive/files.ts'
import { loadIdentities, shredDay } from '../archive/identities.ts'
import { keygen } from '../archive/keygen.ts'
import { checkSearch, daysOf, openArchive } from '../archive/open.ts'
import { fingerprintOf, readOfficerList } from '../archive/officer-list.ts'
import { keptFrom, ship } from '../archive/ship.ts'
import { createSigningKey } from '../archive/signing-key-file.ts'
import { verifyArchive } from '../archive/verify.ts'
import { CHAIN_FAULTS, nameOf } from '../archive/verify-chain.ts'
import { WisselError } from '../errors.ts'
import { ClientAddress } from '../privacy/address.ts'
import { codeOf } from '../system.ts'
import { auditWitness, durationOf, firstLine, given, keepDays, keysOf, listOf, pairs, parse, text, timeOf } from './archive-input.ts'
import type { Input } from './archive-input.ts'

export const ARCHIVE_HELP = `  wissel archive keygen --officer NAME --days N --out DIR [--from DATE]
      makes an officer's keys of the days ahead, on that officer's own machine; only DIR/NAME.public is handed over
  wissel archive recipients A.public B.public --out DIR [--list-key FILE]
      makes of both officers' public keys the signed list for routers; needs no private key of theirs
  wissel archive keygen --router-key FILE
      makes the key that a router signs its segments with
  wissel archive verify --archive DIR --key ROUTER=FILE... [--witness ROUTER=FILE...] [--keep DAYS] [--audit FILE [--audit-witness SEQ:HASH]]
      whether the archive and the audit log are whole; exit status 1 where not. A witness is a copy of a .checkpoint that was
      kept elsewhere; give all of them: only they show that the newest are gone, or a whole chain before a router began anew
  wissel archive ship DIR --from DIR [--keep DAYS]
      moves a router's segments to where they are kept, and deletes what is older than its retention, 30 days by default
  wissel archive open --case ID --at TIME --window 10m --ip - --identity A --identity B --archive DIR --key ROUTER=FILE... --audit FILE [--new-audit]
                      [--recipients FILE --recipients-key KEY]
      prints the rows of one address, read from standard input, around a time, at most a day. The form --ip ADDR is there too, but every
      account of the machine can see what stands on a command line. Needs both officers' keys and is entered in the audit log.
      Officers are named there by the signed list, with the key that routers pin, and are not named without it. --new-audit begins a log
  wissel archive shred DATE --keys DIR
      destroys the keys of a day: nothing of that day opens any more, backups included
`

export interface ArchiveIo {
  readonly out: (text: string) => void
  /** Takes what is not a result: problems and remarks. */
  readonly err: (text: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** The account that runs the command. */
  readonly user: string
  /** A line of standard input; default the process's own. */
  readonly input?: () => Promise<string>
}

const COMMANDS: Readonly<Record<string, (input: Input, io: ArchiveIo) => Promise<number>>> = {
  keygen: keygenCommand, recipients: recipientsCommand, verify: verifyCommand, ship: shipCommand, open: openCommand, shred: shredCommand,
}

/** The exit status: 0 done, 1 not. Rejects with a `WisselError` for a command line that cannot be meant. */
export async function archiveCommand(args: readonly string[], io: ArchiveIo): Promise<number> {
  const [name = '', ...rest] = args
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw new WisselError('WISSEL_USAGE', ['archive needs one of keygen, recipients, verify, ship, open, shred'])
  const input = parse(rest)
  try {
    return await command(input, io)
  } catch (error) {
    if (error instanceof WisselError) throw error
    io.err(`wissel archive ${name}: ${error instanceof ArchiveError ? error.message : `failed (${codeOf(error)})`}\n`)
    return 1
  }
}

async function keygenCommand({ values }: Input, io: ArchiveIo): Promise<number> {
  const routerKey = values['router-key']
  if (routerKey !== undefined) {
    io.out(`${await createSigningKey(routerKey)}\n`)
    return 0
  }
  const directory = given(values, 'out')
  const { list, made, path } = await keygen({ directory, days: Number(given(values, 'days')), from: values.from ?? dayOf(io.now()), officer: given(values, 'officer'), now: io.now() })
  io.out(`${made} days made, ${list.days.size} in the list, the last is ${[...list.days.keys()].at(-1)}\n`)
  io.out(`stays here, for ${list.officer} alone: ${directory}/${list.officer}\n`)
  io.out(`hand over: ${path}\n`)
  io.out(`and read out: ${fingerprintOf(list)}\n`)
  return 0
}

async function recipientsCommand({ values, positionals }: Input, io: ArchiveIo): Promise<number> {
  const [first, second, ...more] = positionals
  if (first === undefined || second === undefined || more.length > 0) throw new WisselError('WISSEL_USAGE', ['archive recipients needs the public lists of two officers, such as alice.public bob.public'])
  const directory = given(values, 'out')
  const listKey = values['list-key'] ?? `${directory}/list.key`
  const lists = [readOfficerList(await text(first)), readOfficerList(await text(second))] as const
  const { list, added, alone, publicKey } = await combine({ lists, directory, listKey, now: io.now() })
  for (const of of lists) io.out(`${of.officer} must have read out: ${fingerprintOf(of)}\n`)
  if (alone.length > 0) io.err(`${alone.length} days are left out, from ${alone[0]} on: one officer alone has keys for them\n`)
  io.out(`${added} days added, ${list.days.length} in the list, the last is ${list.days.at(-1)}\n`)
  io.out(`for routers, and nothing else of it: ${directory}/recipients.txt, pinned by ${publicKey}\n`)
  io.out(`never on a router, whoever has it can name keys of their own: ${listKey}\n`)
  return 0
}

async function verifyCommand({ values }: Input, io: ArchiveIo): Promise<number> {
  let status = 0
  if (values.audit !== undefined) {
    const head = await checkAudit(values.audit, auditWitness(values['audit-witness']))
    io.out(`audit log: ${head.seq} entries, whole; witness it as ${head.seq}:${head.hash}\n`)
  }
  if (values.archive === undefined && values.audit !== undefined) return status
  const keys = await keysOf(values)
  const witnesses = new Map<string, string[]>()
  for (const [router, file] of pairs(values.witness, 'witness')) {
    if (!keys.has(router)) throw new WisselError('WISSEL_USAGE', [`--witness names ${router}, which has no --key`])
    witnesses.set(router, [...witnesses.get(router) ?? [], await text(file)])
  }
  const reports = await verifyArchive({
    directory: given(values, 'archive'),
    keys,
    witnesses,
    keptFrom: keptFrom(io.now(), keepDays(values.keep)),
    io: files,
  })
  for (const [router, report] of reports) {
    if (report === undefined) {
      io.err(`${router}: not checked; give its public key with --key ${router}=FILE\n`)
      status = 1
      continue
    }
    for (const { segment, fault } of report.problems) io.err(`${router}${segment === '-' ? '' : `/${segment}`}: ${CHAIN_FAULTS[fault]}\n`)
    if (report.problems.length > 0) status = 1
    const { head } = report
    const newest = head === undefined ? 'nothing' : `${head.epoch}/${nameOf(head.seq)} ${linkOf(head)}`
    io.out(`${router}: ${report.segments} segments, ${report.records} records, ${report.expired} past their retention, ${report.problems.length} problems; newest ${newest}\n`)
  }
  return status
}

async function shipCommand({ values, positionals }: Input, io: ArchiveIo): Promise<number> {
  const [to, ...more] = positionals
  if (to === undefined || more.length > 0) throw new WisselError('WISSEL_USAGE', ['archive ship needs one directory to ship to'])
  const shipped = await ship({ from: given(values, 'from'), to, keepDays: keepDays(values.keep), now: io.now(), io: files })
  for (const segment of shipped.conflicts) io.err(`${segment}: its place is taken by another; give each router an id of its own\n`)
  for (const { what, code } of shipped.failures) io.err(`${what}: ${code === 'COPY' ? 'its copy was read back and is not what was written; the original stays until its hour is over' : `failed (${code}); it is tried again the next time`}\n`)
  io.out(`${shipped.segments} segments shipped, ${shipped.lost} lost before, ${shipped.expired} local ones deleted after an hour, ${shipped.deleted} deleted after their retention\n`)
  return shipped.conflicts.length + shipped.failures.length + shipped.lost + shipped.expired > 0 ? 1 : 0
}

async function openCommand({ values }: Input, io: ArchiveIo): Promise<number> {
  const ip = given(values, 'ip')
  const address = ClientAddress.parse(ip === '-' ? (await (io.input ?? firstLine)()).trim() : ip)
  if (address === undefined) throw new WisselError('WISSEL_USAGE', ['the address is neither IPv4 nor IPv6'])
  const at = timeOf(given(values, 'at'))
  if (at === undefined) throw new WisselError('WISSEL_USAGE', ['--at must be a time with its zone, such as 2026-03-01T20:31:00Z'])
  const half = durationOf(given(values, 'window')) / 2
  const search = { case: given(values, 'case'), from: at - half, to: at + half, address }
  checkSearch(search)
  const paths = values.identity ?? []
  if (paths.length < 2) throw new ArchiveError('two officers must approve; give --identity twice')
  const audit = given(values, 'audit')
  const directory = given(values, 'archive')
  const keys = await keysOf(values)
  const identities = (await Promise.all(paths.map((path) => loadIdentities(path, daysOf(search))))).flat()
  const nonce = io.random(32)
  const list = await listOf(values)
  io.err(`window: ${new Date(search.from).toISOString()} to ${new Date(search.to).toISOString()}, its end excluded\n`)
  if (list === undefined) io.err('the audit log will not name the officers; give the signed list with --recipients FILE --recipients-key KEY\n')
  const { rows, segments, unusable, problems, unread, beyond } = await withAuditLog(audit, { isNew: values['new-audit'] ?? false }, (append) =>
    openArchive(search, { directory, keys, identities, list, nonce, who: io.user, now: io.now(), io: files, audit: append }))
  for (const row of rows) io.out(`${row}\n`)
  for (const segment of unusable) io.err(`${segment}: altered, missing or not signed; it was left out, so these rows may not be all\n`)
  for (const { segment, fault } of problems) io.err(`${segment}: ${CHAIN_FAULTS[fault]}; it touches the window, so these rows may not be all\n`)
  for (const { router, from, to } of beyond) io.err(`${router}: the archive holds ${from} to ${to}, which is not all of the window\n`)
  for (const router of unread) io.err(`${router}: not read; give its public key with --key ${router}=FILE\n`)
  io.err(`${rows.length} rows from ${segments.length} segments; for the file of the case: nonce ${Buffer.from(nonce).toString('hex')}\n`)
  return unusable.length + problems.length > 0 ? 1 : 0
}

async function shredCommand({ values, positionals }: Input, io: ArchiveIo): Promise<number> {
  const [day, ...more] = positionals
  if (day === undefined || !isDay(day) || more.length > 0) throw new WisselError('WISSEL_USAGE', ['archive shred needs one date, such as 2026-03-01'])
  const directory = given(values, 'keys')
  const shredded = await shredDay(directory, day)
  for (const path of shredded) io.out(`destroyed ${path}\n`)
  if (shredded.length === 0) io.err(`there is no key of ${day} in ${directory}\n`)
  return shredded.length === 0 ? 1 : 0
}
