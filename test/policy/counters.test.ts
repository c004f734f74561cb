import t from 'tap'
import { readSettings } from '../../src/policy/settings.ts'
import { SERVICE, build } from './base.ts'

const problems = (text: string) => readSettings('wissel.yaml', text).problems.map(({ path }) => path)

t.test('a service keeps the sites that it lists, and one that lists none has none', async (t) => {
  const { snapshot } = build({ 'services/tv.yaml': `${SERVICE}referrers: [www.tv.example, app.tv.example]\n` })
  t.same(snapshot?.services.at(0)?.referrers, new Set(['www.tv.example', 'app.tv.example']))
  t.equal(build().snapshot?.services.at(0)?.referrers, undefined)
  for (const site of ['https://www.tv.example', 'www.tv.example/page', 'WWW.tv.example']) {
    t.equal(build({ 'services/tv.yaml': `${SERVICE}referrers: ["${site}"]\n` }).problems.length, 1, site)
  }
})

t.test('side counters and usage are off unless they are named, and no threshold is below ten', async (t) => {
  const { settings } = readSettings('wissel.yaml', 'router: ams-1\nlog: {}\n')
  t.same([settings.log?.counters, settings.usage], [undefined, undefined])
  t.same(problems('log: { counters: { path: side.ndjson, k: 10, dimensions: [device, ref] } }\nusage: { tokenFile: token, path: usage.ndjson }\n'), [])
  for (const [text, path] of [
    ['log: { counters: { path: side.ndjson, k: 9 } }', 'log.counters.k'],
    ['log: { counters: { path: side.ndjson, k: 201 } }', 'log.counters.k'],
    ['log: { counters: { path: side.ndjson, dimensions: [address] } }', 'log.counters.dimensions[0]'],
    ['log: { counters: { k: 10 } }', 'log.counters.path'],
    ['usage: { path: usage.ndjson }', 'usage.tokenFile'],
  ] as const) t.same(problems(text), [path])
})
