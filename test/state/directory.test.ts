import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import t from 'tap'
import { lookAt, readBundle } from '../../src/state/directory.ts'

const config = join(import.meta.dirname, '../../config')

t.test('a directory is the same bundle however it is written', async (t) => {
  const expected = await readBundle(config)
  t.ok(expected.files.some(({ path }) => path.startsWith('services/')))
  const near = relative('.', config)
  for (const written of [`${config}/`, `${config}/../config`, `${config}//./`, near, `./${near}`, `${near}/../${near.split('/').at(-1)}/`]) {
    t.same(await readBundle(written), expected, written)
    const { signature, read } = await lookAt(written)
    t.equal(signature, (await lookAt(config)).signature, written)
    t.same(await read(), expected, written)
  }
})

t.test('folders within are read, and what editors leave behind is not', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-directory-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  cpSync(config, directory, { recursive: true })
  mkdirSync(join(directory, 'services/more/still'), { recursive: true })
  for (const name of ['services/more/still/a.yml', 'services/more/.a.yaml.swp', 'services/.b.yaml', 'services/c.yaml~', 'services/more/d.txt']) writeFileSync(join(directory, name), '')
  const before = new Set((await readBundle(config)).files.map(({ path }) => path))
  t.same((await readBundle(directory)).files.map(({ path }) => path).filter((path) => !before.has(path)), ['services/more/still/a.yml'])
})

t.test('a directory that is not there is no empty one', async (t) => {
  await t.rejects(readBundle(join(config, 'nowhere')), { code: 'ENOENT' })
  await t.rejects(lookAt(join(config, 'nowhere')), { code: 'ENOENT' })
})
