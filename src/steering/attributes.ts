/** Attribute lists of HLS tags (RFC 8216, 4.2), read with their places, so that one value can be changed and the rest stays byte for byte. Pure. */

export interface Attribute {
  readonly name: string
  /** Without quotes. */
  readonly value: string
  readonly quoted: boolean
  /** Where the value stands in the line, its quotes included. */
  readonly from: number
  readonly to: number
}

export type Attributes = ReadonlyMap<string, Attribute>

/** @returns undefined where the list is not well formed or names something twice */
export function readAttributes(line: string, start: number): Attributes | undefined {
  const attributes = new Map<string, Attribute>()
  const pattern = /\s*([A-Z0-9-]+)=("[^"]*"|[^",\s]+)\s*(,|$)/y
  let at = start
  while (at < line.length) {
    pattern.lastIndex = at
    const found = pattern.exec(line)
    const [whole = '', name = '', text = '', end = ''] = found ?? []
    if (found === null || attributes.has(name) || (end === ',' && pattern.lastIndex === line.length)) return undefined
    const from = at + whole.indexOf('=') + 1
    const quoted = text.startsWith('"')
    attributes.set(name, { name, value: quoted ? text.slice(1, -1) : text, quoted, from, to: from + text.length })
    at = pattern.lastIndex
  }
  return attributes
}

/** Replaces quoted values by name and appends new ones; what is not named stays as it is. */
export function editLine(line: string, attributes: Attributes, values: Readonly<Record<string, string>>): string {
  let edited = line
  const given = Object.entries(values).map(([name, value]) => ({ name, value, at: attributes.get(name) }))
  // From the end, so that places stay right.
  for (const { value, at } of given.filter((item) => item.at !== undefined).sort((a, b) => (b.at?.from ?? 0) - (a.at?.from ?? 0))) {
    if (at !== undefined) edited = `${edited.slice(0, at.from)}"${value}"${edited.slice(at.to)}`
  }
  return edited.trimEnd() + given.filter((item) => item.at === undefined).map(({ name, value }) => `,${name}="${value}"`).join('')
}
