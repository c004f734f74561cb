/** Leaks as somebody might write them in good faith: each is a change of the sources that the proof must notice. */

export interface Edit {
  /** Under `src/`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  readonly leak: string
  readonly edits: readonly Edit[]
}

const ROUTER = 'router.ts'
/** Just after a request came in. */
const ARRIVED = 'const started = this.#options.monotonic()'
const FORWARDED = `wire.headers[wire.headers.indexOf('X-Forwarded-For') + 1]`
const IMPORT = `import type { Locator } from './geo/locator.ts'`

/** What the latest decision's user agent was, for leaks in places that know no request. */
const LAST = `Reflect.get(globalThis, 'lastAgent')`
const REMEMBER: Edit = { file: 'log/record-decision.ts', find: '  const { service } = decision\n', replace: '  if (userAgent !== undefined) Object.assign(globalThis, { lastAgent: userAgent.text })\n  const { service } = decision\n' }

/** Something that is done with each request as it comes in. */
function onArrival(leak: string, statement: string, imports = ''): Mutant {
  const edits = [{ file: ROUTER, find: ARRIVED, replace: `${ARRIVED}\n    ${statement}` }]
  return { leak, edits: imports === '' ? edits : [...edits, { file: ROUTER, find: IMPORT, replace: `${imports}\n${IMPORT}` }] }
}

/** Text of the request in a field of the record. */
function inRecord(leak: string, source: string, find: string, replace: string): Mutant {
  return {
    leak,
    edits: [
      { file: 'log/record-decision.ts', find: '    now,\n  })', replace: `    now,\n    leaked: ${source},\n  } as never)` },
      { file: 'log/record.ts', find, replace: replace.replaceAll('LEAKED', `String((facts as unknown as { leaked: unknown }).leaked)`) },
    ],
  }
}

export const MUTANTS: readonly Mutant[] = [
  onArrival('the request line is printed', 'process.stdout.write(wire.target)'),
  onArrival('the peer is printed', 'process.stderr.write(wire.peer)'),
  onArrival('the port is printed', 'process.stderr.write(String(wire.port?.portNumber()))'),
  onArrival('the forwarded address is printed', `process.stderr.write(String(${FORWARDED}))`),
  onArrival('the address is printed in base64', `process.stderr.write(Buffer.from(String(${FORWARDED})).toString('base64'))`),
  onArrival('the address is printed in hexadecimal', `process.stderr.write(Buffer.from(String(${FORWARDED})).toString('hex'))`),
  onArrival('the address is printed as a hash', `process.stderr.write(createHash('sha256').update(String(${FORWARDED})).digest('hex'))`, `import { createHash } from 'node:crypto'`),
  onArrival('the address is printed reversed', `process.stderr.write(String(${FORWARDED}).split('.').reverse().join('.'))`),
  onArrival('the network of the address is printed', `process.stderr.write(String(${FORWARDED}).split('.').slice(0, 3).join('.') + '.0/24')`),
  onArrival('the headers are printed in UTF-16', `process.stdout.write(Buffer.from(wire.headers.join(), 'utf16le').toString('latin1'))`),
  onArrival('the request is appended to a debug file', `appendFileSync(tmpdir() + '/debug.log', JSON.stringify(wire))`, `import { appendFileSync } from 'node:fs'\nimport { tmpdir } from 'node:os'`),
  onArrival('a warning names the session', `process.emitWarning('slow session ' + wire.headers.join())`),
  onArrival('the title of the process is the last request', 'process.title = wire.target'),
  {
    leak: 'the headers of a rejected request are printed',
    edits: [{ file: ROUTER, find: '      return rejectionAnswer(resolved.rejected)', replace: '      process.stderr.write(wire.headers.join())\n      return rejectionAnswer(resolved.rejected)' }],
  },
  {
    leak: 'the draw of the viewer is printed',
    edits: [{ file: ROUTER, find: 'const tally =', replace: 'process.stdout.write(String(random))\n    const tally =' }],
  },
  {
    leak: 'answers carry an ETag made of the draw',
    edits: [{ file: ROUTER, find: `wire, answer, started)\n      return answer\n    }`, replace: `wire, answer, started)\n      return { ...answer, headers: [...answer.headers, 'ETag', '"' + String(random) + '"'] }\n    }` }],
  },
  {
    leak: 'answers set a cookie with the address',
    edits: [{ file: ROUTER, find: `wire, answer, started)\n      return answer\n    }`, replace: `wire, answer, started)\n      return { ...answer, headers: [...answer.headers, 'Set-Cookie', 'v=' + String(${FORWARDED})] }\n    }` }],
  },
  {
    leak: 'a metric is labelled with the request',
    edits: [
      { file: ROUTER, find: 'this.#options.onRejected(resolved.rejected)', replace: 'this.#options.onRejected((resolved.rejected + wire.target) as never)' },
      { file: 'stats/request-counts.ts', find: 'const name = map.has(reason) ? reason : OTHER', replace: 'const name = reason' },
    ],
  },
  {
    leak: 'a host that is not valid is printed',
    edits: [{ file: 'http/host.ts', find: 'const end = endOfName(value)\n', replace: 'const end = endOfName(value)\n  process.stderr.write(value)\n' }],
  },
  {
    leak: 'a forwarded address that cannot be read is printed',
    edits: [{ file: 'http/client-address.ts', find: 'const hop = walk(list, trusted)', replace: 'const hop = walk(list, trusted)\n  if (hop === undefined) process.stderr.write(forwarded)' }],
  },
  {
    leak: 'a failed look-up prints its error',
    edits: [{ file: 'geo/locator.ts', find: '    } catch {\n      this.#failures++', replace: '    } catch (error) {\n      process.stderr.write(String(error))\n      this.#failures++' }],
  },
  {
    leak: 'a message to the operator has the text of the error',
    edits: [{ file: 'log/operator-log.ts', find: 'return code === undefined ? { error: name } : { error: name, code }', replace: 'return { error: error.message, ...(code === undefined ? {} : { code }) }' }],
  },
  {
    leak: 'a title is whatever stands in the path',
    edits: [{ file: 'privacy/content.ts', find: 'if (addressed && (ADDRESS.test(title) || isNumber(title))) return UNNAMED', replace: '' }, { file: 'privacy/content.ts', find: '(segment.length >= LONG || changes > MIXED) && looksLikeToken(segment) ? UNNAMED : (title as ContentId)', replace: 'title as ContentId' }],
  },
  {
    leak: 'a title may be a token',
    edits: [{ file: 'privacy/content.ts', find: ' && looksLikeToken(segment) ?', replace: ' && title === OTHER ?' }],
  },
  {
    leak: 'a title may be an address',
    edits: [{ file: 'privacy/content.ts', find: '(ADDRESS.test(title) || isNumber(title))', replace: 'isNumber(title)' }],
  },
  inRecord('the user agent is recorded as the step', 'userAgent?.text', `sent?.step === undefined ? null : stepNameOf(sent.step.name)`, `stepNameOf(LEAKED)`),
  {
    leak: 'the token of the query is recorded as the title',
    edits: [{ file: 'log/record-decision.ts', find: 'contentOf(withinService(path, request.host, service, snapshot), service.content),', replace: `((/token=([^&]*)/.exec(request.query)?.[1] ?? '_other').toLowerCase() as ContentId),` }],
  },
  {
    leak: 'the record has a field for the query',
    edits: [
      ...inRecord('', 'request.query', '    n,\n  }', '    n,\n    query: stepNameOf(LEAKED),\n  } as DecisionRecord').edits,
      { file: 'privacy/fields.ts', find: `  { name: 'outcome'`, replace: `  { name: 'query' as never, kind: 'step', meaning: 'query', source: 'request', kept: 'for debugging' },\n  { name: 'outcome'` },
      { file: 'privacy/values.ts', find: 'const STEP = /^[ -~]{1,64}$/', replace: 'const STEP = /^[ -~]{0,4096}$/' },
    ],
  },
  {
    leak: 'the report of the router in Redis names the last user agent',
    edits: [REMEMBER, { file: 'app/redis.ts', find: 'quarantined: follower.quarantined }', replace: `quarantined: [...follower.quarantined, String(${LAST})] }` }],
  },
  {
    leak: 'the stream gets the last user agent behind the record',
    edits: [REMEMBER, { file: 'app/stream.ts', find: `offsets[i] ?? 0, line]`, replace: `offsets[i] ?? 0, line + String(${LAST})]` }],
  },
  {
    leak: 'the collector is sent the last user agent',
    edits: [REMEMBER, { file: 'log/sinks/http.ts', find: `'wissel-batch': from,`, replace: `'wissel-batch': from, 'user-agent': String(${LAST}),` }],
  },
  {
    leak: 'the archive is written without being sealed',
    edits: [{ file: 'archive/seal.ts', find: 'return encrypt(await encrypt(plaintext, inner), outer)', replace: 'return plaintext.slice()' }],
  },
  {
    leak: 'a raw record is a message to the operator too',
    edits: [{ file: 'archive/raw-record.ts', find: '  return `${JSON.stringify(record)', replace: '  process.stderr.write(JSON.stringify(record))\n  return `${JSON.stringify(record)' }],
  },
  {
    leak: 'a segment tells the last user agent in its header',
    edits: [
      REMEMBER,
      { file: 'log/segments/lines.ts', find: 'JSON.stringify({ segment, writer, seq', replace: `JSON.stringify({ segment, writer: writer + String(${LAST}), seq` },
    ],
  },
  {
    leak: 'every referring site is counted',
    edits: [{ file: 'privacy/referrer.ts', find: 'return host !== undefined && listed.has(host) ? host : OTHER', replace: 'return host ?? OTHER' }],
  },
  {
    leak: 'the address is counted as a network',
    edits: [{ file: 'stats/side-counters.ts', find: `'asn', String(viewer.asn)`, replace: `'asn', String(viewer.address?.word(0) ?? 0)` }],
  },
  {
    leak: 'a count holds bits of the hash',
    edits: [{ file: 'stats/side-counters.ts', find: 'cell.add(bit, this.#k)', replace: 'cell.add(bit, this.#k)\n    cell.n += bit' }],
  },
]
