/** A geo database that must not be used. The message says what is wrong with the file and what to do. */
export class GeoDatabaseError extends Error {
  override readonly name = 'GeoDatabaseError'
}

/** @param allowed bytes */
export function tooLarge(bytes: number, allowed: number): GeoDatabaseError {
  return new GeoDatabaseError(`geo database has ${bytes} bytes, more than the ${allowed} allowed; give a smaller one`)
}

/** What helps against nearly every bad file. */
export const REPLACE = 'download the database again and put it in place in one move'
