/** `RESULTS.md`: a section for each command that measures, so that one does not take away what the other found. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const FILE = join(import.meta.dirname, 'RESULTS.md')
/** In the order in which they stand there. */
const SECTIONS = ['race', 'bench'] as const

/** Replaces one section, Markdown, and leaves the other as it is. */
export async function writeSection(name: (typeof SECTIONS)[number], text: string): Promise<void> {
  const before = await readFile(FILE, 'utf8').catch(() => '')
  const kept = (section: string) => new RegExp(`<!-- ${section} -->\\n([^]*?)<!-- /${section} -->`).exec(before)?.[1] ?? ''
  const sections = SECTIONS.map((section) => `<!-- ${section} -->\n${section === name ? text : kept(section)}<!-- /${section} -->\n`)
  await writeFile(FILE, `# Results\n\nEach part is written by the command that it names; do not edit. What was tried and why: \`NOTES.md\`.\n\n${sections.join('\n')}`)
}
