import fc from 'fast-check'
import t from 'tap'
import { auditLine, commitment, verifyAudit } from '../../src/archive/audit.ts'
import type { AuditFacts, AuditHead } from '../../src/archive/audit.ts'
import { GENESIS } from '../../src/archive/chain.ts'

const entry = (n: number): AuditFacts => ({
  at: '2026-03-02T08:00:00.000Z', who: 'officer', approvers: ['alice 0123456789abcdef', 'bob fedcba9876543210'], list: null, case: `C-${n}`,
  window: ['2026-03-01T20:26:00.000Z', '2026-03-01T20:36:00.000Z'], predicate: '0'.repeat(64), outcome: 'opened', rows: n, segments: [], problems: [], unread: [],
})

function log(entries: number): string {
  let text = ''
  let head: AuditHead = { seq: 0, hash: GENESIS }
  for (let n = 0; n < entries; n++) {
    text += auditLine(entry(n), head)
    head = verifyAudit(text)
  }
  return text
}

const whole = log(5)
const lines = whole.split(/(?<=\n)/)

t.test('a log that nobody touched is whole, and so is an empty one', async (t) => {
  t.equal(verifyAudit(whole).seq, 5)
  t.same(verifyAudit(''), { seq: 0, hash: GENESIS })
})

t.test('a line that was changed, removed, moved, repeated or cut is seen', async (t) => {
  for (const [what, text] of [
    ['changed', whole.replace('"C-2"', '"C-9"')],
    ['fewer rows', whole.replace('"rows":3', '"rows":0')],
    ['removed', lines.toSpliced(2, 1).join('')],
    ['first removed', lines.slice(1).join('')],
    ['moved', [lines[0], lines[2], lines[1], lines[3], lines[4]].join('')],
    ['repeated', [...lines.slice(0, 3), lines[2], ...lines.slice(3)].join('')],
    ['cut', whole.slice(0, -5)],
    ['not JSON', `${whole}hello\n`],
    ['null', `${whole}null\n`],
  ] as const) t.throws(() => verifyAudit(text), { name: 'ArchiveError' }, what)
})

t.test('lines taken from the end are seen by whoever kept the head, and only then', async (t) => {
  const head = verifyAudit(whole)
  t.throws(() => verifyAudit(lines.slice(0, 4).join(''), head), { name: 'ArchiveError', message: /ends at line 4, but line 5 was witnessed/ })
  t.throws(() => verifyAudit(whole.replace('"rows":4', '"rows":0'), head), { name: 'ArchiveError', message: /not what was witnessed/ })
  t.equal(verifyAudit(lines.slice(0, 4).join('')).seq, 4)
  t.equal(verifyAudit(whole + auditLine(entry(5), head), head).seq, 6)
})

t.test('a bit flipped anywhere but in the last line\'s own text is seen', async () => {
  const last = whole.length - (lines[4]?.length ?? 0)
  fc.assert(fc.property(fc.nat(last - 1), fc.integer({ min: 0, max: 6 }), (position, bit) => {
    const bytes = Buffer.from(whole)
    bytes[position] = (bytes[position] ?? 0) ^ (1 << bit)
    try {
      verifyAudit(bytes.toString())
    } catch {
      return
    }
    throw new Error(`not seen at ${position}`)
  }))
})

t.test('the predicate cannot be found by trying addresses without the nonce, and can be proven with it', async (t) => {
  const one = commitment(Buffer.alloc(32, 1), entry(1), '203.0.113.7')
  t.equal(commitment(Buffer.alloc(32, 1), entry(1), '203.0.113.7'), one)
  for (const other of [
    commitment(Buffer.alloc(32, 2), entry(1), '203.0.113.7'),
    commitment(Buffer.alloc(32, 1), entry(2), '203.0.113.7'),
    commitment(Buffer.alloc(32, 1), entry(1), '203.0.113.8'),
  ]) t.not(other, one)
})
