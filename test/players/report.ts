/** The table of what was seen, as Markdown. */
import type { Row } from './judge.ts'
import { TTL } from './router.ts'

const SCENES: Readonly<Record<string, string>> = { kill: 'Its CDN dies (live)', drain: 'Its CDN is drained (live)', demand: 'On demand' }

export function report(rows: Readonly<Record<string, readonly Row[]>>, versions: Readonly<Record<string, string>>): string {
  const scenes = Object.keys(rows)
  const [first = []] = Object.values(rows)
  const head = ['Player', 'Delivery', ...scenes.map((scene) => SCENES[scene] ?? scene), 'Shortest time between polls']
  const lines = first.map(({ player, delivery }, i) => {
    const own = scenes.map((scene) => rows[scene]?.[i])
    const gaps = own.flatMap((row) => row?.shortestGap ?? [])
    return [`${player.name}, ${player.protocol.toUpperCase()}`, delivery, ...own.map((row) => (row?.started === true ? row.outcome : 'did not start')), gaps.length === 0 ? 'does not poll' : `${Math.min(...gaps).toFixed(1)} s`]
  })
  const all = Object.values(rows).flat()
  const sum = (count: (row: Row) => number) => all.reduce((total, row) => total + count(row), 0)
  return `# What real players do

Written by \`npm run test:players\`: ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}, unmodified, with local targets
and streams of 1.92 s segments. Two targets carry the stream, one more is excluded by the service's jurisdiction policy.
The steering TTL is ${TTL} s (±10 %).

- **Its CDN dies**: 8 s after everybody plays, the target refuses connections and cuts those that are open. Six seconds
  later the router knows, as it would from health checks. Watched for 40 s.
- **Its CDN is drained**: by the operator, 4 s after everybody plays. To have moved is to ask it for no more media.

${table([head, ...lines])}
Requests to the excluded target: ${sum((row) => row.excluded)}. Requests to anything but loopback: ${sum((row) => row.beyondLoopback)}.

A redirect decides where a player starts and never again: a player whose CDN dies stops, and comes back only when the viewer
starts anew, who is then sent to a target that works. With \`delivery: steered\` players that know content steering move
by themselves, or when the router tells them.

What players cannot do: Chromium's own player reads no steering and takes every pathway as one more variant, so it changes
on its own account. video.js stalls on live DASH when it is moved; give its services \`delivery: redirect\`.
It also asks again at once when a refreshed MPD begins with another pathway.
`
}

function table([head = [], ...lines]: readonly (readonly string[])[]): string {
  return `${[head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`
}
