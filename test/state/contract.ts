/** What every store must do, whatever it is made of. */
import type { Test } from 'tap'
import type { StateStore } from '../../src/state/store.ts'
import { StaleWriterError } from '../../src/state/store.ts'
import { digest } from '../../src/policy/bundle.ts'

const first = Buffer.from('first')
const second = Buffer.from('second')

export function stateStoreContract(t: Test, open: () => Promise<StateStore>): void {
  const withStore = (title: string, run: (t: Test, store: StateStore) => Promise<void>) =>
    t.test(title, async (t) => {
      const store = await open()
      t.teardown(() => store.close())
      await run(t, store)
    })

  withStore('a store that nobody wrote to has no head', async (t, store) => {
    t.equal(await store.head(), undefined)
  })

  withStore('what is published is what is read, with its length and digest', async (t, store) => {
    const head = await store.publish({ bytes: first, created: 1, after: undefined })
    t.match(head, { epoch: 1, version: 1, bytes: 5, sha256: digest(first), created: 1, schema: 1 })
    t.same(await store.head(), head)
    t.same(Buffer.from((await store.read(head)) ?? []), first)
  })

  withStore('each publication is one version higher', async (t, store) => {
    const one = await store.publish({ bytes: first, created: 1, after: undefined })
    const two = await store.publish({ bytes: second, created: 2, after: one })
    t.equal(two.version, 2)
    t.same(Buffer.from((await store.read(one)) ?? []), first, 'the former blob is still there for a reader that is on its way')
  })

  withStore('a writer that saw an older head is refused and changes nothing', async (t, store) => {
    const one = await store.publish({ bytes: first, created: 1, after: undefined })
    const two = await store.publish({ bytes: second, created: 2, after: one })
    await t.rejects(store.publish({ bytes: first, created: 3, after: one }), StaleWriterError)
    await t.rejects(store.publish({ bytes: first, created: 3, after: undefined }), StaleWriterError)
    t.same(await store.head(), two)
  })

  withStore('of many writers at once one wins', async (t, store) => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.publish({ bytes: Buffer.from(`${i}`), created: i, after: undefined })))
    t.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
    t.equal((await store.head())?.version, 1)
  })

  withStore('an epoch goes up with the version and never down', async (t, store) => {
    const one = await store.publish({ bytes: first, created: 1, after: undefined, epoch: 3 })
    const two = await store.publish({ bytes: second, created: 2, after: one, epoch: 4 })
    t.match([one.epoch, two.epoch], [3, 4])
    await t.rejects(store.publish({ bytes: first, created: 3, after: two, epoch: 3 }), StaleWriterError)
  })

  withStore('a blob that nobody published is not there', async (t, store) => {
    t.equal(await store.read({ epoch: 9, version: 9, sha256: '', bytes: 0, created: 0, schema: 1 }), undefined)
  })

  withStore('a publication is hinted at', async (t, store) => {
    const hinted = new Promise<void>((resolve) => {
      const stop = store.onHint(() => {
        stop()
        resolve()
      })
    })
    await store.publish({ bytes: first, created: 1, after: undefined })
    await hinted
    t.pass('the hint came')
  })
}
