/** A drawing of processor time per request: a panel for each load, a bar for each contestant, and the range of its rounds. */
import { spread } from '../measure.ts'
import type { Spread } from '../measure.ts'
import type { Contestant } from './contestant.ts'
import { LOADS } from './measure.ts'
import { cpus, LOAD_NAMES, ratios } from './report.ts'
import type { Found } from './report.ts'

/** Pixels. */
const WIDTH = 860
const LEFT = 170
const RIGHT = 150
const BAR = 18
const ROW = 26
const HEAD = 50
const PANEL_HEAD = 34
const PANEL_FOOT = 30
const TICKS = 5

interface Bar {
  readonly name: string
  readonly cpu: Spread
  readonly ratio: number | undefined
  readonly ours: boolean
}

/** SVG that needs nothing else: its own background and the reader's fonts. @param ours whose bars stand out */
export function chart(found: Found, ours: (contestant: Contestant) => boolean): string {
  const panels = LOADS.map((load) => ({
    title: LOAD_NAMES[load],
    bars: [...found.runs.keys()].flatMap((contestant): Bar[] => {
      const values = cpus(found, contestant, load)
      const against = ratios(found, contestant, load)
      return values.length === 0 ? [] : [{ name: contestant.name, cpu: spread(values), ratio: against.length === 0 ? undefined : spread(against).median, ours: ours(contestant) }]
    }),
  })).filter(({ bars }) => bars.length > 0)
  const [base] = [...found.runs.keys()]
  let y = HEAD
  const parts = panels.map(({ title, bars }) => {
    const top = y
    y += PANEL_HEAD + bars.length * ROW + PANEL_FOOT
    return panel(title, bars, top)
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>Processor time per request, by contestant and load</title>
<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>
<text x="16" y="28" font-size="17" font-weight="600" fill="#1a1a1a">Processor time per request, µs: less is better</text>
<text x="${WIDTH - 16}" y="28" text-anchor="end" fill="#555555">median, line: all rounds, × against ${escape(base?.name ?? '')}</text>
${parts.join('')}</svg>
`
}

function panel(title: string, bars: readonly Bar[], top: number): string {
  const end = roundUp(Math.max(...bars.map(({ cpu }) => cpu.most)))
  const x = (value: number) => LEFT + (value / end) * (WIDTH - LEFT - RIGHT)
  const foot = top + PANEL_HEAD + bars.length * ROW
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => (end / TICKS) * i)
  return [
    `<text x="16" y="${top + 20}" font-size="14" font-weight="600" fill="#1a1a1a">${escape(title)}</text>`,
    ...ticks.map((value) => `<line x1="${px(x(value))}" x2="${px(x(value))}" y1="${top + PANEL_HEAD - 4}" y2="${foot}" stroke="#e2e2e2"/><text x="${px(x(value))}" y="${foot + 15}" text-anchor="middle" font-size="11" fill="#555555">${Number(value.toFixed(2))}</text>`),
    ...bars.map(({ name, cpu, ratio, ours }, i) => {
      const at = top + PANEL_HEAD + i * ROW
      const middle = at + BAR / 2
      const label = `${cpu.median.toFixed(1)}${ratio === undefined ? '' : `  (${ratio.toFixed(2)} ×)`}`
      return [
        `<text x="${LEFT - 10}" y="${middle + 4}" text-anchor="end" fill="#1a1a1a"${ours ? ' font-weight="600"' : ''}>${escape(name)}</text>`,
        `<rect x="${LEFT}" y="${at}" width="${px(x(cpu.median) - LEFT)}" height="${BAR}" fill="${ours ? '#1f6f8b' : '#a9b4bc'}"/>`,
        `<path d="M${px(x(cpu.least))} ${middle}H${px(x(cpu.most))}M${px(x(cpu.least))} ${middle - 4}v8M${px(x(cpu.most))} ${middle - 4}v8" stroke="#1a1a1a" fill="none"/>`,
        `<text x="${px(x(cpu.most) + 8)}" y="${middle + 4}" fill="#1a1a1a">${label}</text>`,
      ].join('')
    }),
    '',
  ].join('\n')
}

/** A little more, so that the marks of the axis are round. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 1.5, 2, 3, 4, 5, 7.5, 10].find((step) => step * power >= value) ?? 10) * power
}

function px(value: number): string {
  return value.toFixed(1)
}

function escape(text: string): string {
  return text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
