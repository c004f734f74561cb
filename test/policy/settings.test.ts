// What `check` says of `wissel.yaml`: a router that would not start with it is not called usable.
import t from 'tap'
import { formatProblem } from '../../src/policy/problem.ts'
import { isRedisUrl } from '../../src/policy/redis-url.ts'
import { readSettings } from '../../src/policy/settings.ts'
import { parseRedisUrl } from '../../src/state/redis-settings.ts'

const told = (text: string) => readSettings('wissel.yaml', text).problems.map(formatProblem)
const LISTEN = 'use HOST:PORT such as 0.0.0.0:8080 or [::]:8080, with a port up to 65535; port 0 lets the system choose'
const PLACE = 'no machine has this address; use one such as 0.0.0.0:8080 or [::]:8080'
const REDIS = 'is not usable; give redis://HOST:PORT, rediss://, redis+sentinel://HOST:PORT,HOST:PORT/MASTER or redis+cluster://HOST:PORT, with characters of a user name percent-encoded'

const cases: [title: string, text: string, problems: string[]][] = [
  ['nothing is all defaults', '', []],
  ['the last port is a port', 'listen: 127.0.0.1:65535\n', []],
  ['the one after it is none', 'listen: 127.0.0.1:65536\n', [`wissel.yaml:1: listen: "127.0.0.1:65536" is not valid here; ${LISTEN}`]],
  ['a port of five nines', 'admin: { listen: "127.0.0.1:99999" }\n', [`wissel.yaml:1: admin.listen: "127.0.0.1:99999" is not valid here; ${LISTEN}`]],
  ['names and addresses of both families are places', 'listen: "[::1]:0"\nadmin: { listen: localhost:9090 }\n', []],
  ['numbers that are no address', 'listen: 999.1.1.1:80\n', [`wissel.yaml:1: listen: "999.1.1.1:80" is not valid here; ${PLACE}`]],
  ['colons that are no address', 'listen: "[:::]:80"\n', [`wissel.yaml:1: listen: "[:::]:80" is not valid here; ${PLACE}`]],
  ['players and operators on one port', 'listen: 0.0.0.0:9090\n', ['wissel.yaml:1: warning: listen: players (0.0.0.0:9090) and operators (127.0.0.1:9090) would be answered on one port, so a router does not start there; give one of them another']],
  ['on one port of all addresses', 'listen: "[::]:8080"\nadmin: { listen: 127.0.0.1:8080 }\n', ['wissel.yaml:2: warning: admin.listen: players ([::]:8080) and operators (127.0.0.1:8080) would be answered on one port, so a router does not start there; give one of them another']],
  ['on one port of two addresses', 'listen: 127.0.0.2:8080\nadmin: { listen: 127.0.0.1:8080 }\n', []],
  ['on ports that the system chooses', 'listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\n', []],
  ['a collector without segments', 'log:\n  sinks:\n    - { type: stdout }\n    - { type: http, url: "https://logs.example/" }\n', ['wissel.yaml:4: log.sinks[1]: a sink of type http is filled from segments; add one of type segments']],
  ['a stream without segments', 'log: { sinks: [{ type: redis, url: "redis://h" }] }\n', ['wissel.yaml:1: log.sinks[0]: a sink of type redis is filled from segments; add one of type segments']],
  ['both with segments', 'log: { sinks: [{ type: http, url: "https://logs.example/" }, { type: redis, url: "redis://h" }, { type: segments, directory: s }] }\n', []],
  ['segments twice', 'log: { sinks: [{ type: segments, directory: a }, { type: segments, directory: b }] }\n', ['wissel.yaml:1: log.sinks[1]: is a second sink of type segments, and every record would be written twice to the first; give one']],
  ['two collectors', 'log:\n  sinks:\n    - { type: segments, directory: s }\n    - { type: http, url: "https://a.example/" }\n    - { type: http, url: "https://b.example/" }\n', ['wissel.yaml:5: log.sinks[2]: is a second sink of type http, and what one of them has taken would count as taken by both; give one']],
  ['two streams', 'log: { sinks: [{ type: segments, directory: s }, { type: redis, url: "redis://h" }, { type: redis, url: "redis://h", stream: other }] }\n', ['wissel.yaml:1: log.sinks[2]: is a second sink of type redis, and what one of them has taken would count as taken by both; give one']],
  ['a Redis of another scheme, whose password is not repeated', 'redis: { url: "http://ada:secret@foo" }\n', [`wissel.yaml:1: redis.url: ${REDIS}`]],
  ['a stream in such a Redis', 'log: { sinks: [{ type: segments, directory: s }, { type: redis, url: foo }] }\n', [`wissel.yaml:1: log.sinks[1].url: ${REDIS}`]],
  ['keys of other maps are told where they belong', 'pollSeconds: 3\nsinks: []\nlog: { sinks: [{ type: file, path: x, directory: y }] }\n', [
    'wissel.yaml:3: log.sinks[0].directory: "directory" is not a key here; it belongs under archive',
    'wissel.yaml:1: pollSeconds: "pollSeconds" is not a key here; it belongs under geo',
    'wissel.yaml:2: sinks: "sinks" is not a key here; it belongs under log',
  ]],
]
for (const [title, text, problems] of cases) t.test(title, async (t) => t.same(told(text), problems))

t.test('what is said of the address of a Redis is what the router says that connects to it', async (t) => {
  const urls = [
    'redis://localhost', 'redis://[::1]:7000/3', 'rediss://ada:p%40ss@cache.example', 'redis://:secret@h', 'redis+sentinel://a,b:7/mymaster/2', 'rediss+cluster://a:1,b:2', 'redis://h/', 'redis://h:06379/0',
    'redis+sentinel://a/m/', 'redis+cluster://a/0', 'redis+cluster://a/', 'rediss+sentinel://u:p@a:1,[::1]:2/m', 'redis://h:65535', 'redis://a_b-c.d',
    '', 'http://h', 'redis://', 'redis:h', 'redis://a,b', 'redis://h:99999', 'redis://h:0', 'redis://h:65536', 'redis://h/x', 'redis://h/1/2', 'redis+sentinel://a', 'redis+sentinel://a/', 'redis+cluster://a/1', 'redis://us%zzer@h',
    'redis://secret@@h', 'redis://a b', 'redis://h?x', 'redis://h#x', 'localhost:6379', 'redis+other://h', 'REDIS://h', 'redis+sentinel://a,,b/m',
  ]
  const parses = (url: string) => {
    try {
      return parseRedisUrl(url).db >= 0
    } catch {
      return false
    }
  }
  t.same(urls.map((url) => [url, isRedisUrl(url)]), urls.map((url) => [url, parses(url)]))
  t.equal(urls.filter(parses).length, 14)
})
