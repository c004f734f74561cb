// What one user writes and another one must read: an operator's command for a router that runs as somebody else.
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { fileIO } from '../../src/state/durable-file.ts'
import { ownerIO, replaceShared } from '../../src/state/shared-file.ts'
import type { Owner, OwnerIO } from '../../src/state/shared-file.ts'

interface Case {
  readonly name: string
  readonly who: number
  readonly folder: Owner
  readonly former?: Owner
  /** `refused`: the former file stays. */
  readonly becomes: Owner | 'refused'
}

const ROUTER = 500
const OPERATOR = 1000
const OPS = 70

const CASES: readonly Case[] = [
  { name: 'root writes the first one', who: 0, folder: { uid: ROUTER, gid: ROUTER, mode: 0o700 }, becomes: { uid: ROUTER, gid: ROUTER, mode: 0o600 } },
  { name: 'root replaces the router\'s', who: 0, folder: { uid: ROUTER, gid: ROUTER, mode: 0o700 }, former: { uid: ROUTER, gid: OPS, mode: 0o640 }, becomes: { uid: ROUTER, gid: OPS, mode: 0o640 } },
  { name: 'root replaces root\'s in the router\'s directory', who: 0, folder: { uid: ROUTER, gid: ROUTER, mode: 0o755 }, former: { uid: 0, gid: 0, mode: 0o600 }, becomes: { uid: ROUTER, gid: ROUTER, mode: 0o600 } },
  { name: 'root writes the first one where anybody writes', who: 0, folder: { uid: 0, gid: 0, mode: 0o777 }, becomes: { uid: 0, gid: 0, mode: 0o644 } },
  { name: 'the router\'s user writes the first one', who: ROUTER, folder: { uid: ROUTER, gid: ROUTER, mode: 0o755 }, becomes: { uid: ROUTER, gid: ROUTER, mode: 0o600 } },
  { name: 'the router\'s user writes on a volume of its group', who: ROUTER, folder: { uid: 0, gid: OPS, mode: 0o775 }, becomes: { uid: ROUTER, gid: OPS, mode: 0o640 } },
  { name: 'an operator of the group writes the first one', who: OPERATOR, folder: { uid: ROUTER, gid: OPS, mode: 0o770 }, becomes: { uid: OPERATOR, gid: OPS, mode: 0o640 } },
  { name: 'an operator replaces the router\'s', who: OPERATOR, folder: { uid: ROUTER, gid: OPS, mode: 0o770 }, former: { uid: ROUTER, gid: OPS, mode: 0o640 }, becomes: 'refused' },
  { name: 'an operator replaces the own one', who: OPERATOR, folder: { uid: ROUTER, gid: OPS, mode: 0o770 }, former: { uid: OPERATOR, gid: OPS, mode: 0o640 }, becomes: { uid: OPERATOR, gid: OPS, mode: 0o640 } },
  { name: 'an owner who is not in the group any more', who: ROUTER, folder: { uid: ROUTER, gid: ROUTER, mode: 0o700 }, former: { uid: ROUTER, gid: 71, mode: 0o640 }, becomes: { uid: ROUTER, gid: ROUTER, mode: 0o600 } },
]

/** As the system does it: root gives files away, others change the group among their own. */
function owners({ who, folder, former }: Case, written: { -readonly [Key in keyof Owner]: Owner[Key] }): OwnerIO {
  const refuse = () => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' }))
  return {
    stat: async (path) => {
      if (path.endsWith('.part')) return { ...written }
      if (!path.endsWith('a.json')) return folder
      return former ?? Promise.reject(Object.assign(new Error('none'), { code: 'ENOENT' }))
    },
    chmod: async (_path, mode) => {
      if (who !== 0 && who !== written.uid) return refuse()
      written.mode = mode
    },
    chown: async (_path, uid, gid) => {
      if (who !== 0 && (uid !== who || ![who, OPS].includes(gid))) return refuse()
      Object.assign(written, { uid, gid })
    },
  }
}

for (const one of CASES) {
  t.test(`${one.name}: ${one.becomes === 'refused' ? 'refused, and the former one stays' : 'who has to read it can'}`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'wissel-shared-'))
    t.teardown(() => rm(directory, { recursive: true }))
    await writeFile(join(directory, 'a.json'), 'former')
    const written = { uid: one.who, gid: one.who, mode: 0o600 }
    const done = replaceShared(fileIO, owners(one, written), directory, 'a.json', [Buffer.from('new')])
    if (one.becomes === 'refused') await t.rejects(done, { code: 'EPERM' })
    else {
      await done
      t.same(written, one.becomes)
    }
    t.equal(await readFile(join(directory, 'a.json'), 'utf8'), one.becomes === 'refused' ? 'former' : 'new')
    t.same(await readdir(directory), ['a.json'], 'nothing is left beside it')
  })
}

t.test('the system does so', async (t) => {
  // Only root can give files away.
  const user = process.getuid?.() === 0 ? ROUTER : (process.getuid?.() ?? 0)
  const group = process.getuid?.() === 0 ? ROUTER : (process.getgid?.() ?? 0)
  const directory = join(await mkdtemp(join(tmpdir(), 'wissel-shared-')), 'state')
  await mkdir(directory, { mode: 0o700 })
  await ownerIO.chown(directory, user, group)
  const owner = async () => {
    const { uid, gid, mode } = await stat(join(directory, 'a.json'))
    return { uid, gid, mode: mode & 0o777 }
  }
  await replaceShared(fileIO, ownerIO, directory, 'a.json', [Buffer.from('one')])
  t.same(await owner(), { uid: user, gid: group, mode: 0o600 })
  await chmod(join(directory, 'a.json'), 0o640)
  await replaceShared(fileIO, ownerIO, directory, 'a.json', [Buffer.from('two')])
  t.same(await owner(), { uid: user, gid: group, mode: 0o640 })
})
