// The rules that review forgets: who may import whom, which one file owns a package, and what no module may do on import.
import { globSync, readFileSync } from 'node:fs'
import t from 'tap'

const root = `${import.meta.dirname}/..`

/** Folders and files that a folder may import, besides itself and `errors.ts`; also `system.ts`, but for `routing` and `privacy`, which are pure. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  routing: [],
  privacy: [],
  geo: ['routing', 'privacy'],
  health: ['routing'],
  policy: ['routing', 'privacy', 'geo'],
  state: ['routing', 'policy', 'health'],
  http: ['routing', 'privacy'],
  steering: ['routing', 'privacy', 'http'],
  client: [],
  log: ['routing', 'privacy'],
  stats: ['routing', 'log', 'privacy'],
  archive: ['privacy'],
  usage: ['privacy', 'routing'],
  cli: ['archive', 'routing', 'privacy', 'geo', 'policy', 'state', 'http', 'log', 'health', 'usage', 'app', 'explain.ts', 'router.ts', 'settings.ts', 'app.ts', 'demo.ts'],
}

/** Packages and the files that may know them. */
const OWNERS: Record<string, readonly string[]> = {
  undici: ['src/health/probe.ts', 'src/log/sinks/http.ts', 'src/steering/undici-fetch.ts'],
  'age-encryption': ['src/archive/seal.ts'],
  ioredis: ['src/state/redis-connection.ts'],
  'prom-client': ['src/stats/page.ts'],
  pino: ['src/log/operator-log.ts'],
  maxmind: ['src/geo/second-opinion.ts'],
  yaml: ['src/policy/document.ts'],
  zod: ['src/policy/schema.ts', 'src/policy/settings.ts', 'src/policy/validate.ts', 'src/policy/salvage.ts'],
}

const files = globSync('src/**/*.ts', { cwd: root }).map((file) => file.replaceAll('\\', '/'))

function importsOf(file: string): { name: string; typeOnly: boolean }[] {
  const text = readFileSync(`${root}/${file}`, 'utf8')
  return [...text.matchAll(/\b(import|export)\s+(type\s)?[^'"`;]*?from\s*'([^']+)'|(?<!')\bimport\s*\(?\s*'([^']+)'/g)].map(([, , type, from, bare]) => ({
    name: from ?? bare ?? '',
    typeOnly: type !== undefined,
  }))
}

/** A file without its comments. */
function code(file: string): string {
  return readFileSync(`${root}/${file}`, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '')
}

function resolve(file: string, name: string): string {
  return new URL(name, `file:///${file}`).pathname.slice(1)
}

const pure = new Set(['routing', 'privacy'])

t.ok(files.length > 50, 'the sources were found')

t.test('a folder imports only the folders that it may', async (t) => {
  const breaches = files.flatMap((file) => {
    const [, folder = ''] = file.split('/')
    const allowed = MAY_IMPORT[folder]
    if (allowed === undefined) return []
    return importsOf(file)
      .filter(({ name }) => name.startsWith('.'))
      .map(({ name }) => resolve(file, name).split('/')[1] ?? '')
      .filter((to) => to !== folder && to !== 'errors.ts' && !(to === 'system.ts' && !pure.has(folder)) && !allowed.includes(to))
      .map((to) => `${file} imports ${to}`)
  })
  t.same(breaches, [])
})

t.test('the pure folders import no package, not even of Node', async (t) => {
  const breaches = files
    .filter((file) => /^src\/(routing|privacy)\//.test(file))
    .flatMap((file) => importsOf(file).filter(({ name }) => !name.startsWith('.')).map(({ name }) => `${file} imports ${name}`))
  t.same(breaches, [])
})

t.test('a package has one owner', async (t) => {
  const breaches = files.flatMap((file) =>
    importsOf(file)
      .filter(({ name }) => !name.startsWith('.') && !name.startsWith('node:'))
      .filter(({ name }) => !(OWNERS[name] ?? []).includes(file))
      .map(({ name }) => `${file} imports ${name}`),
  )
  t.same(breaches, [])
})

t.test('every owner uses its package', async (t) => {
  for (const [name, owners] of Object.entries(OWNERS)) {
    for (const owner of owners) t.ok(files.includes(owner) && importsOf(owner).some((used) => used.name === name), `${owner} uses ${name}`)
  }
})

t.test('only app.ts and app/ build adapters', async (t) => {
  const adapters = /\bnew (SegmentSink|ArchiveWriter|WorkerSealer|Metrics|OperatorLog|FileSink|StdoutSink|DecisionLog|GeoSource|MemoryStore)\(|\bcreate(Public|Admin)Server\(/
  const breaches = files.filter((file) => !/^src\/app(\/|\.ts)/.test(file) && adapters.test(readFileSync(`${root}/${file}`, 'utf8').replace(/export function create\w+\(/g, '')))
  t.same(breaches, [])
})

t.test('pure code reads no clock and draws no number', async (t) => {
  const breaches = files.filter((file) => /^src\/(routing|privacy|health\/(fold|merge))/.test(file) && /\bDate\.now\(|\bnew Date\(\)|Math\.random\(|performance\.now\(|\bprocess\./.test(code(file)))
  t.same(breaches, [])
})

t.test('a viewer\'s port is read by the record of the archive alone', async (t) => {
  t.same(files.filter((file) => file !== 'src/privacy/port.ts' && /\bportNumber\b/.test(code(file))), ['src/archive/raw-record.ts'])
})

t.test('nothing is printed but through the log and the command line', async (t) => {
  const breaches = files.filter((file) => /\bconsole\./.test(code(file)))
  t.same(breaches, [])
})

// Each of them is tens of milliseconds of every start: what needs them loads them then.
t.test('a router that starts loads nothing that it can do without', async (t) => {
  const loaded = new Set<string>()
  const walk = (file: string): void => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const name of atOnce(file)) if (name.startsWith('.')) walk(resolve(file, name)); else loaded.add(name)
  }
  walk('src/cli/serve.ts')
  walk('src/app/threads/thread.ts')
  t.ok(loaded.has('pino') && loaded.has('src/http/builtin.ts'), 'what is loaded was followed')
  t.same(['node:http', 'node:https', 'node:http2', 'undici', 'ioredis', 'maxmind', 'prom-client', 'age-encryption'].filter((name) => loaded.has(name)), [])
})

/** What is loaded as soon as the file is. */
function atOnce(file: string): string[] {
  return [...readFileSync(`${root}/${file}`, 'utf8').matchAll(/^(?:import|export)\s+(?!type\s)(?:[^'"`;]*?from\s*)?'([^']+)'/gm)].map(([, name]) => name ?? '')
}
