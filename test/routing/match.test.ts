import t from 'tap'
import { match } from '../../src/routing/match.ts'
import { situation } from './situation.ts'

const { snapshot } = situation({
  targets: { ams: {} },
  services: {
    byhost: { hosts: ['play.example', 'www.play.example'], steps: [] },
    demo: { prefix: '/demo', steps: [] },
    deep: { prefix: '/a/b/c/d', steps: [] },
    both: { hosts: ['both.example'], prefix: '/both', steps: [] },
  },
})

const cases: [name: string, host: string, path: string, service: string | undefined, rest: string][] = [
  ['a host is matched whole and the path is left alone', 'play.example', '/live/main.m3u8', 'byhost', '/live/main.m3u8'],
  ['every host of a service matches', 'www.play.example', '/', 'byhost', '/'],
  ['a host beats a prefix', 'play.example', '/demo/x.m3u8', 'byhost', '/demo/x.m3u8'],
  ['a prefix matches on any other host and is cut off', 'other.example', '/demo/live/x.m3u8', 'demo', '/live/x.m3u8'],
  ['a prefix with only a slash after it leaves the slash', 'other.example', '/demo/', 'demo', '/'],
  ['a prefix alone names no title', 'other.example', '/demo', undefined, ''],
  ['a prefix is matched by whole parts', 'other.example', '/demolition/x.m3u8', undefined, ''],
  ['a prefix does not match further down the path', 'other.example', '/x/demo/y.m3u8', undefined, ''],
  ['a prefix of four parts matches', 'other.example', '/a/b/c/d/x.mpd', 'deep', '/x.mpd'],
  ['half of a prefix does not match', 'other.example', '/a/b/x.mpd', undefined, ''],
  ['a service with both keeps the path on its host', 'both.example', '/both/x.mpd', 'both', '/both/x.mpd'],
  ['a service with both cuts the prefix elsewhere', 'other.example', '/both/x.mpd', 'both', '/x.mpd'],
  ['a subdomain is another host', 'evil.play.example', '/x.mpd', undefined, ''],
  ['names of object properties are no services', '__proto__', '/constructor/x.mpd', undefined, ''],
  ['an empty host is unknown', '', '/x.mpd', undefined, ''],
  ['what is the router\'s own is no service\'s, on its host neither', 'play.example', '/-/player', undefined, ''],
  ['only that: a dash may begin a title', 'play.example', '/-a/x.mpd', 'byhost', '/-a/x.mpd'],
  ['slashes alone match nothing', 'other.example', '/////////', undefined, ''],
]
for (const [name, host, path, service, rest] of cases) {
  t.test(name, async (t) => {
    const found = match(snapshot, host, path)
    t.equal(found?.service.id, service)
    if (found !== undefined) t.equal(found.rest, rest)
  })
}
