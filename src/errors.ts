/** Every failure that the command line reports, with advice. Codes are never reused; messages hold no address and no URL. */

export const ERRORS = {
  WISSEL_USAGE: '%s; see wissel --help',
  WISSEL_CONFIG_UNREADABLE: 'the configuration directory %s cannot be read (%s); give --config DIR',
  WISSEL_FILE_UNREADABLE: '%s cannot be read (%s); the user of this command must be able to read it',
  WISSEL_CONFIG_INVALID: 'the configuration in %s is not usable:\n%s',
  WISSEL_LISTEN_FAILED: 'cannot listen on %s (%s); free the port or choose another',
  WISSEL_ADMIN_TOKEN: 'the admin listener %s has no token that can be used (%s); off loopback it needs one: set admin.tokenFile',
  WISSEL_NO_TARGET: 'there is no target "%s" in %s, so nothing is written; give the router\'s --config DIR or --redis URL, or --new where the target is about to be added',
  WISSEL_OVERRIDES: 'the operators\' commands in %s cannot be %s (%s); %s',
  WISSEL_REDIS: 'the state cannot be followed: %s',
  WISSEL_SINK: 'the log sink %s cannot be used (%s)',
  WISSEL_ARCHIVE: 'the sealed archive cannot be written (%s); mend the archive settings or leave them out',
} as const

export type ErrorCode = keyof typeof ERRORS

export class WisselError extends Error {
  override readonly name = 'WisselError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, details: readonly string[], options?: ErrorOptions) {
    const parts = ERRORS[code].split('%s')
    super(parts.reduce((text, part, i) => text + (details[i - 1] ?? '?') + part), options)
    this.code = code
  }
}
