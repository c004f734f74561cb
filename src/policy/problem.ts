/** What is wrong with a configuration, said so that its author can mend it: file, line, path, and what would be right. */

export interface Problem {
  /** Relative to the configuration directory. */
  readonly file: string
  /** 1-based; 1 where the place is the whole file. */
  readonly line: number
  /** Dotted path within the document, such as `steps[0].targets[1].id`; empty for the whole document. */
  readonly path: string
  readonly message: string
  /** An error refuses the configuration; a warning does not. */
  readonly severity: 'error' | 'warning'
}

export type Path = readonly (string | number)[]

export function formatPath(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? key : `${text}.${key}`
  }, '')
}

/** One line, as editors and terminals link it. */
export function formatProblem({ file, line, path, message, severity }: Problem): string {
  const where = path === '' ? '' : `${path}: `
  return `${file}:${line}: ${severity === 'warning' ? 'warning: ' : ''}${where}${message}`
}

export function errors(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem) => problem.severity === 'error')
}
