/** The command line. The only place that ends the process. */
import { parseArgs } from 'node:util'
import { check, loadConfiguration, writeSchemas } from './cli/check.ts'
import { explainCommand } from './cli/explain.ts'
import { serve } from './cli/serve.ts'
import { WisselError } from './errors.ts'

const HELP = `wissel: a privacy-first CDN request router for video

  wissel [serve] [--config DIR] [--listen HOST:PORT] [--admin HOST:PORT] [--demo]
      answers players; --demo starts the loopback targets of the configuration too
  wissel check DIR [--json] [--schema DIR]
      every problem of a configuration at once; exit status 1 where there is one
      --schema writes JSON Schemas for editors into a directory
  wissel explain --url URL --ip ADDR [--config DIR] [--json]
      where a viewer at this address would be sent, and why nowhere else

DIR defaults to ./config. Ports given as 0 are chosen by the system and printed.
`

const OPTIONS = {
  config: { type: 'string' },
  listen: { type: 'string' },
  admin: { type: 'string' },
  demo: { type: 'boolean' },
  json: { type: 'boolean' },
  schema: { type: 'string' },
  url: { type: 'string' },
  ip: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args)
  const [command = 'serve', ...rest] = positionals
  const out = (text: string) => void process.stdout.write(text)
  const directory = values.config ?? rest[0] ?? 'config'
  if (values.help === true || command === 'help') {
    out(HELP)
    return 0
  }
  switch (command) {
    case 'serve':
      return serve(directory, { listen: values.listen, admin: values.admin, demo: values.demo ?? false })
    case 'check': {
      if (values.schema !== undefined) {
        for (const file of await writeSchemas(values.schema)) out(`wrote ${values.schema}/${file}\n`)
        if (rest.length === 0) return 0
      }
      return check(directory, { json: values.json ?? false, now: Date.now(), out })
    }
    case 'explain':
      if (values.url === undefined || values.ip === undefined) throw new WisselError('WISSEL_USAGE', ['explain needs --url and --ip'])
      return explainCommand(await loadConfiguration(directory, Date.now()), { directory, url: values.url, ip: values.ip, json: values.json ?? false, now: Date.now(), out })
    default:
      throw new WisselError('WISSEL_USAGE', [`there is no command "${command.slice(0, 40)}"`])
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new WisselError('WISSEL_USAGE', [error instanceof Error ? error.message.split('.')[0]?.toLowerCase() ?? 'unknown option' : 'unknown option'])
  }
}

run(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status
  },
  (error: unknown) => {
    process.stderr.write(`wissel: ${error instanceof WisselError ? error.message : `internal error ${error instanceof Error ? error.name : ''}`}\n`)
    process.exitCode = error instanceof WisselError ? 1 : 70
  },
)
