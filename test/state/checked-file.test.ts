// What a router keeps for its next start is used as a whole or not at all.
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readChecked, replaceChecked } from '../../src/state/checked-file.ts'
import { fileIO } from '../../src/state/durable-file.ts'

const directory = await mkdtemp(join(tmpdir(), 'wissel-checked-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
const path = join(directory, 'kept')
const text = async () => {
  const bytes = await readChecked(fileIO, path)
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}

t.test('what was written in pieces is read as one', async (t) => {
  await replaceChecked(fileIO, directory, 'kept', [Buffer.from('one '), Buffer.from(''), Buffer.from('two')])
  t.equal(await text(), 'one two')
  await replaceChecked(fileIO, directory, 'kept', [])
  t.equal(await text(), '')
})

t.test('what is more than is read at once is read', async (t) => {
  const pieces = Array.from({ length: 9 }, (_, i) => Buffer.alloc(2 ** 20, i))
  await replaceChecked(fileIO, directory, 'kept', pieces)
  t.ok(Buffer.concat(pieces).equals((await readChecked(fileIO, path)) ?? Buffer.alloc(0)))
})

t.test('a file that is not there, torn, changed or foreign is none', async (t) => {
  await replaceChecked(fileIO, directory, 'kept', [Buffer.from('some text that is kept')])
  const whole = await readFile(path)
  for (let length = 0; length < whole.length; length++) {
    await truncate(path, length)
    t.equal(await text(), undefined, `cut to ${length} bytes`)
    await writeFile(path, whole)
  }
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole)
    changed[at] = (changed[at] ?? 0) ^ 1
    await writeFile(path, changed)
    t.equal(await text(), undefined, `a bit of byte ${at} flipped`)
  }
  await rm(path)
  t.equal(await text(), undefined)
})

t.test('what cannot be written leaves what is there', async (t) => {
  await replaceChecked(fileIO, directory, 'kept', [Buffer.from('first')])
  const full = { ...fileIO, write: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) }
  await t.rejects(replaceChecked(full, directory, 'kept', [Buffer.from('second')]), { code: 'ENOSPC' })
  t.equal(await text(), 'first')
})
