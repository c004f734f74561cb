import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..')

/** What of ioredis a process has loaded once it has run a script. */
function loaded(script: string): number {
  const text = `${script}\nconst { createRequire } = await import('node:module')\nconst cache = Object.keys(createRequire('${root}/x.js').cache)\nconsole.log(cache.filter((file) => file.includes('ioredis')).length)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', text], { cwd: root, encoding: 'utf8' }))
}

t.test('a router without Redis loads no code for Redis', async (t) => {
  t.equal(loaded(`await import('${root}/src/app.ts')`), 0, 'not by what serves')
  const modules = globSync('src/{state,cli}/*.ts', { cwd: root }).map((file) => `await import('${root}/${file}')`)
  t.equal(loaded(modules.join('\n')), 0, 'not by any module of the state and the commands')
})

t.test('a connection loads it', async (t) => {
  const script = `const { connectRedis } = await import('${root}/src/state/redis-connection.ts')
    const link = await connectRedis({ url: 'redis://127.0.0.1:1' }, { use: 'request', name: 'x', now: () => 0, random: () => 0 })
    await link.close()`
  t.ok(loaded(script) > 0)
})

t.test('one file knows the package', async (t) => {
  const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => /from 'ioredis'|import\('ioredis'\)/.test(readFileSync(join(root, file), 'utf8')))
  t.same(files, [join('src', 'state', 'redis-connection.ts')])
})
