import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DISK } from '../../src/log/segments/segment-io.ts'
import { ABSENT_MS, WriterFile, isThere, writersAmong } from '../../src/log/segments/writer-file.ts'
import { NOW } from './decisions.ts'

const directory = mkdtempSync(join(tmpdir(), 'wissel-writer-'))
t.teardown(() => rmSync(directory, { recursive: true }))
const path = join(directory, 'ams-1-4f2a9c01.writer')
const segment = '20260301T2031Z-ams-1-4f2a9c01-0-00000001.open'
const touched = (file: string, at: number) => utimesSync(file, at / 1000, at / 1000)
const there = () => isThere(DISK, directory, 'ams-1-4f2a9c01', [segment], NOW)

t.test('a writer is there while its process is, and elsewhere while it touches its files', async (t) => {
  await new WriterFile(DISK, directory, 'ams-1-4f2a9c01').touch()
  const self = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  const parent = { ...self, pid: process.ppid, started: '' }
  const elsewhere = { ...self, place: 'elsewhere' }
  const rows: [string, unknown, number, number, boolean][] = [
    ['a process of this number that had another name was before this one', self, NOW, NOW, false],
    ['a process that runs', parent, 0, 0, true],
    ['a process of that number that was started at another time', { ...parent, started: '1' }, NOW, NOW, process.platform !== 'linux'],
    ['a process that is gone', { ...parent, pid: 2 ** 30 }, NOW, NOW, false],
    ['in another container, a minute ago', elsewhere, NOW - 60_000, 0, true],
    ['in another container, its segment a minute ago', elsewhere, 0, NOW - 60_000, true],
    ['in another container, long ago', elsewhere, NOW - ABSENT_MS, NOW - ABSENT_MS, false],
    ['in another container whose clock is a little ahead', elsewhere, NOW + 60_000, 0, true],
    ['one of an older version, which has no such file, a minute ago', undefined, 0, NOW - 60_000, true],
    ['one of an older version, long ago', undefined, 0, NOW - ABSENT_MS, false],
    ['one whose file could not be written', '', NOW - 60_000, 0, true],
  ]
  for (const [name, content, file, open, expected] of rows) {
    rmSync(path, { force: true })
    if (content !== undefined) {
      writeFileSync(path, JSON.stringify(content))
      touched(path, file)
    }
    writeFileSync(join(directory, segment), '')
    touched(join(directory, segment), open)
    t.equal(await there(), expected, name)
  }
})

t.test('the file takes a block of the disk, says nothing of a viewer, and is no segment', async (t) => {
  const file = new WriterFile(DISK, directory, 'ams-1-4f2a9c01')
  await file.touch()
  const text = readFileSync(path, 'utf8')
  t.equal(text.length, 4096)
  t.same(Object.keys(JSON.parse(text) as object), ['place', 'pid', 'started'])
  t.same(writersAmong(['ams-1-4f2a9c01.writer', segment, 'http.cursor', '.writer']), ['ams-1-4f2a9c01'])
  await file.remove()
  await file.remove()
  t.throws(() => readFileSync(path))
})
