import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { ignoredFiles, lookAt, readBundle } from '../../src/state/directory.ts'

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

function folder(t: Test, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-directory-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return directory
}

const textsOf = async (directory: string) => Object.fromEntries((await readBundle(directory)).files.map(({ path, text }) => [path, text]))

t.test('a folder as Kubernetes mounts it is read once, and a change of all its links at once is seen', async (t) => {
  const directory = folder(t, { 'services/..2026_01/a.yaml': 'one', 'services/..2026_02/a.yaml': 'two' })
  const services = join(directory, 'services')
  symlinkSync('..2026_01', join(services, '..data'))
  symlinkSync('..data/a.yaml', join(services, 'a.yaml'))
  t.same(await textsOf(directory), { 'services/a.yaml': 'one' })
  const { signature } = await lookAt(directory)
  symlinkSync('..2026_02', join(services, '..data_tmp'))
  renameSync(join(services, '..data_tmp'), join(services, '..data'))
  t.not((await lookAt(directory)).signature, signature)
  t.same(await textsOf(directory), { 'services/a.yaml': 'two' })
  t.same([...(await ignoredFiles(directory))], [])
})

t.test('what is hidden is not read, nor anything in a hidden folder', async (t) => {
  const directory = folder(t, { 'services/a.yaml': '', 'services/.old/kids.yaml': '', 'services/more/.git/x/b.yaml': '', 'services/.c.yaml': '' })
  t.same(Object.keys(await textsOf(directory)), ['services/a.yaml'])
  t.same([...(await ignoredFiles(directory))], [])
})

t.test('what is not hidden and not read is told', async (t) => {
  const directory = folder(t, { 'services/a.YAML': '', 'services/b.json': '', 'zones/c.yaml.txt': '', 'services/e.yaml': '', 'elsewhere/d.yaml': '' })
  symlinkSync('../elsewhere', join(directory, 'services/linked'))
  t.same(Object.fromEntries(await ignoredFiles(directory)), { 'services/a.YAML': 'name', 'services/b.json': 'name', 'zones/c.yaml.txt': 'name', 'services/linked': 'folder link' })
  t.same(Object.keys(await textsOf(directory)), ['services/e.yaml'])
})

t.test('something that cannot be read is named, with why', async (t) => {
  const directory = folder(t, { 'services/a.yaml': '', zones: 'in the way' })
  const ways: readonly ((directory: string) => Promise<unknown>)[] = [readBundle, lookAt]
  for (const read of ways) await t.rejects(read(directory), { name: 'UnreadableFileError', file: 'zones', code: 'ENOTDIR' })
  rmSync(join(directory, 'zones'))
  symlinkSync('nowhere', join(directory, 'services/b.yaml'))
  for (const read of ways) await t.rejects(read(directory), { name: 'UnreadableFileError', file: 'services/b.yaml', code: 'ENOENT' })
})
