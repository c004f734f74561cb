/** A geo database that must not be used. The message says what is wrong with the file and what to do. */
export class GeoDatabaseError extends Error {
  override readonly name = 'GeoDatabaseError'
}

/** What helps against nearly every bad file. */
export const REPLACE = 'download the database again and put it in place in one move'
