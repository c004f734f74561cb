import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { digest } from '../../src/policy/bundle.ts'
import type { FileIO } from '../../src/state/durable-file.ts'
import { fileIO } from '../../src/state/durable-file.ts'
import { LastKnownGood } from '../../src/state/last-known-good.ts'
import type { Head } from '../../src/state/store.ts'

function headOf(version: number, bytes: Uint8Array): Head {
  return { epoch: 1, version, sha256: digest(bytes), bytes: bytes.length, created: 0, schema: 1 }
}

/** Files in memory, with the disk's moods. */
function memory(files = new Map<string, Uint8Array>()): { io: FileIO; files: Map<string, Uint8Array>; fail: (step: keyof FileIO, code: string) => void } {
  const failing = new Map<string, string>()
  const check = (step: keyof FileIO) => {
    const code = failing.get(step)
    if (code !== undefined) throw Object.assign(new Error('the disk'), { code })
  }
  return {
    files,
    fail: (step, code) => void failing.set(step, code),
    io: {
      makeDirectory: async () => check('makeDirectory'),
      list: async () => [...files.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1)),
      read: async (path) => files.get(path) ?? Promise.reject(new Error('none')),
      write: async (path, pieces) => {
        const written: Uint8Array[] = []
        for await (const piece of pieces) written.push(piece)
        const whole = Buffer.concat(written)
        // What fails half way leaves a half.
        if (failing.has('write')) files.set(path, whole.subarray(0, whole.length / 2))
        check('write')
        files.set(path, whole)
      },
      rename: async (from, to) => {
        check('rename')
        files.set(to, files.get(from) ?? new Uint8Array())
        files.delete(from)
      },
      syncDirectory: async () => check('syncDirectory'),
      remove: async (path) => void files.delete(path),
    },
  }
}

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'good-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

t.test('what was saved is what is loaded, the newest first, and five are kept', async (t) => {
  const at = await directory()
  const good = new LastKnownGood({ directory: `${at}/deep/er` })
  for (let version = 1; version <= 8; version++) t.same(await good.save(headOf(version, Buffer.from(`v${version}`)), Buffer.from(`v${version}`), version === 8 ? ['tv'] : []), { saved: true })
  const loaded = await new LastKnownGood({ directory: `${at}/deep/er` }).load()
  t.match(loaded, { head: { version: 8 }, quarantined: ['tv'] })
  t.equal(Buffer.from(loaded?.bytes ?? []).toString(), 'v8')
  t.equal((await readdir(`${at}/deep/er`)).length, 5)
})

t.test('an empty or missing directory is no error', async (t) => {
  t.equal(await new LastKnownGood({ directory: `${await directory()}/none` }).load(), undefined)
})

t.test('a newest file that is cut at any byte is passed over for the one before it', async (t) => {
  const { io, files } = memory()
  const good = new LastKnownGood({ directory: '/d', io })
  await good.save(headOf(1, Buffer.from('one')), Buffer.from('one'))
  await good.save(headOf(2, Buffer.from('two')), Buffer.from('two'))
  const [, newest = ''] = [...files.keys()].sort()
  const whole = files.get(newest) ?? new Uint8Array()
  let wrong = 0
  for (let length = 0; length < whole.length; length++) {
    files.set(newest, whole.subarray(0, length))
    if ((await good.load())?.head.version !== 1) wrong++
  }
  t.equal(wrong, 0, `${whole.length} lengths`)
  t.equal(good.skipped, whole.length)
})

t.test('no change of any bit gets through', async () => {
  const { io, files } = memory()
  const good = new LastKnownGood({ directory: '/d', io })
  await good.save(headOf(2, Buffer.from('two')), Buffer.from('two'))
  const [path = ''] = files.keys()
  const whole = Buffer.from(files.get(path) ?? [])
  await fc.assert(fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (offset, flip) => {
    const altered = Buffer.from(whole)
    altered[offset] = (altered[offset] ?? 0) ^ flip
    files.set(path, altered)
    return (await good.load()) === undefined
  }), { numRuns: 500 })
})

t.test('a disk that is full, read-only or away is told of by its code and leaves the former generation whole', async (t) => {
  for (const [step, code] of [['write', 'ENOSPC'], ['makeDirectory', 'EROFS'], ['rename', 'EIO'], ['syncDirectory', 'EIO']] as const) {
    const { io, files, fail } = memory()
    const good = new LastKnownGood({ directory: '/d', io })
    await good.save(headOf(1, Buffer.from('one')), Buffer.from('one'))
    fail(step, code)
    t.same(await good.save(headOf(2, Buffer.from('two')), Buffer.from('two')), { saved: false, code }, step)
    t.ok((await good.load())?.head.version, `${step}: something can still be loaded`)
    t.notOk([...files.keys()].some((path) => path.endsWith('.part')), `${step}: nothing half-written is left`)
  }
})

t.test('saves that overlap are written one after the other', async (t) => {
  const good = new LastKnownGood({ directory: await directory(), keep: 3 })
  const results = await Promise.all([1, 2, 3, 4].map((version) => good.save(headOf(version, Buffer.from('x')), Buffer.from('x'))))
  t.ok(results.every(({ saved }) => saved))
  t.equal((await good.load())?.head.version, 4)
})

t.test('a file that other programs left there is nobody\'s generation', async (t) => {
  const at = await directory()
  await writeFile(join(at, '.good-000000000009.snapshot.part'), 'half')
  await writeFile(join(at, 'notes.txt'), 'hello')
  const good = new LastKnownGood({ directory: at })
  t.equal(await good.load(), undefined)
  t.equal(good.skipped, 0)
})

t.test('the files are readable by their owner alone', async (t) => {
  const at = await directory()
  await fileIO.write(join(at, 'x'), [Buffer.from('x')])
  t.equal((await readFile(join(at, 'x'))).length, 1)
  const { stat } = await import('node:fs/promises')
  t.equal((await stat(join(at, 'x'))).mode & 0o077, 0)
})
