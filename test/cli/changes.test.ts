import t from 'tap'
import { compareSnapshots } from '../../src/cli/changes.ts'
import type { Snapshot } from '../../src/routing/model.ts'
import { SERVICE, build } from '../policy/base.ts'

function withHosts(hosts: string): Snapshot {
  const { snapshot } = build({ 'services/tv.yaml': SERVICE.replace('play.tv.example', hosts) })
  if (snapshot === undefined) throw new Error('the configuration is sound')
  return snapshot
}

t.test('a service is changed by another host, and not by another order of its hosts', async (t) => {
  const before = withHosts('play.tv.example, www.tv.example')
  t.same(compareSnapshots(before, withHosts('www.tv.example, play.tv.example')), [])
  for (const hosts of ['play.tv.example', 'www.tv.example', 'play.tv.example, www.tv.example, tv.example']) {
    t.same(compareSnapshots(before, withHosts(hosts)), [{ kind: 'service', id: 'tv', change: 'changed' }], hosts)
  }
})
