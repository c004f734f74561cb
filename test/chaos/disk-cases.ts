/** What happens to a router's own disk, and to a router that starts with nothing else. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from './case.ts'
import type { Case } from './case.ts'
import { deploy, metric, runs, versionOf } from './deployment.ts'
import type { Router, Scope } from './deployment.ts'
import { publish } from './redis-cases.ts'
import { until } from './until.ts'

/** Milliseconds in which a router has to be ready without Redis. */
const READY_MS = 2000

/** Those that are whole, not the one that is being written. */
export function snapshotsOf(router: Router): string[] {
  const directory = join(router.directory, 'var', 'snapshots')
  return readdirSync(directory).filter((name) => /^good-\d+\.snapshot$/.test(name)).sort().map((name) => join(directory, name))
}

type Trouble = 'full' | 'read-only'

/** Where the last known good cannot be kept: a file system like that where one can be mounted; else a path below a file, which holds for every user. */
function hopeless(scope: Scope, trouble: Trouble): { path: string; why: string } {
  const directory = mkdtempSync(join(tmpdir(), 'wissel-disk-'))
  scope.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, trouble)
  mkdirSync(path)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', trouble === 'full' ? 'size=1m' : 'ro', 'tmpfs', path]).status === 0) {
    scope.teardown(() => spawnSync('umount', [path]))
    try {
      writeFileSync(join(path, 'ballast'), Buffer.alloc(2 ** 21))
    } catch {
      // Full, or not to be written, is what it should be.
    }
    return { path, why: `a disk that is ${trouble}` }
  }
  const file = join(directory, 'file')
  writeFileSync(file, '')
  return { path: join(file, 'state'), why: 'not a directory, because nothing can be mounted here' }
}

function unwritable(trouble: Trouble): Case {
  let why = ''
  return {
    name: `disk ${trouble}`,
    open: async (scope) => {
      const deployment = await deploy(scope)
      const place = hopeless(scope, trouble)
      why = place.why
      await deployment.apply(1)
      const router = await deployment.router('chaos-1', deployment.url, ['--state-dir', place.path])
      await runs(router, 1)
      return { deployment, router }
    },
    fault: async (stage) => {
      const figure = await publish(stage, 2)
      await until(async () => (await metric(stage.router, 'wissel_state_kept')) === 0 && stage.router.running.stderr().includes('state_not_kept'))
      const code = /"code":"([A-Z]+)"[^\n]*could not be written/.exec(stage.router.running.stderr())?.[1] ?? 'no code'
      return `${why} (${code}): told, and ${figure}`
    },
  }
}

export const diskCases: readonly Case[] = [
  {
    name: 'restart with redis down',
    fault: async (stage) => {
      stage.deployment.redis.signal('SIGKILL')
      const ms = await stage.restart()
      expect((await versionOf(stage.router)) === 1, 'the last known good does not run')
      stage.promised(ms, READY_MS, 'ready')
      await new Promise((resolve) => setTimeout(resolve, 2000))
      return `ready after ${ms} ms with the last known good`
    },
  },
  ...(['torn', 'with a bit flipped'] as const).map((damage): Case => ({
    name: `last known good ${damage}, restart with redis stopped`,
    fault: async (stage) => {
      await publish(stage, 2)
      await until(() => snapshotsOf(stage.router).length === 2)
      stage.deployment.redis.signal('SIGSTOP')
      const ms = await stage.restart(async () => {
        const newest = snapshotsOf(stage.router).at(-1) ?? ''
        const bytes = readFileSync(newest)
        if (damage === 'torn') return truncateSync(newest, bytes.length >> 1)
        const middle = bytes.length >> 1
        bytes[middle] = (bytes[middle] ?? 0) ^ 1
        writeFileSync(newest, bytes)
      })
      expect((await versionOf(stage.router)) === 1, 'the generation before does not run')
      stage.deployment.redis.signal('SIGCONT')
      stage.promised(ms, READY_MS, 'ready')
      const caughtUp = await runs(stage.router, 2)
      return `ready after ${ms} ms with the generation before, up to date ${caughtUp} ms after redis went on`
    },
  })),
  unwritable('full'),
  unwritable('read-only'),
]
