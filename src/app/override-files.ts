/** The file of operators' commands: as the router holds it, and as an operator's command writes it. */
import { stat } from 'node:fs/promises'
import { WisselError } from '../errors.ts'
import { OverrideFile, OverrideFileError } from '../health/override-file.ts'
import { fileIO, replaceFile } from '../state/durable-file.ts'
import { ownerIO, replaceShared } from '../state/shared-file.ts'
import { codeOf } from '../system.ts'

export function overrideFile(stateDirectory: string): OverrideFile {
  return new OverrideFile(stateDirectory, { read: (path) => fileIO.read(path), replace: (directory, name, bytes) => replaceFile(fileIO, directory, name, [bytes]) })
}

/** Of a router that may run as another user, who can read what is written. Rejects with a `WisselError` where there is no state directory. */
export async function operatorsFile(stateDirectory: string): Promise<OverrideFile> {
  try {
    await stat(stateDirectory)
  } catch (error) {
    const advice = 'no router has run with this state directory; give the router\'s own with --state-dir DIR, or its settings with --config DIR'
    throw new WisselError('WISSEL_OVERRIDES', [stateDirectory, 'written', codeOf(error), advice], { cause: error })
  }
  return new OverrideFile(stateDirectory, { read: (path) => fileIO.read(path), replace: (directory, name, bytes) => replaceShared(fileIO, ownerIO, directory, name, [bytes]) })
}

/** What an operator is told, with what to do; other errors as they are. */
export function explained(error: unknown): unknown {
  if (!(error instanceof OverrideFileError)) return error
  const { file, doing, code } = error
  const advice =
    code === 'DAMAGED' ? 'mend the file, or delete it and give the commands anew'
    : code === 'EACCES' || code === 'EPERM' ? 'the router\'s user must be able to read the file, and who gives commands to replace it: the same user, or root'
    : code === 'EBUSY' ? 'others give commands at this moment; repeat this one'
    : 'mend that, or give another --state-dir DIR'
  return new WisselError('WISSEL_OVERRIDES', [file, doing, code, advice], { cause: error })
}
