/**
 * The finest place that a record may hold. A country with few people in it is not a crowd, so it becomes `ZZ`.
 */
import { isCountryCode } from './values.ts'
import type { CountryCode } from './values.ts'

/**
 * ISO 3166-1 codes of countries and territories with fewer than about 100,000 inhabitants. Fixed rather than counted from
 * the traffic: a list that follows the traffic would show by its changes that somebody came.
 */
export const SMALL_COUNTRIES: readonly string[] = [
  'AD', 'AG', 'AI', 'AQ', 'AS', 'AX', 'BL', 'BM', 'BQ', 'BV', 'CC', 'CK', 'CX', 'DM', 'FK', 'FO', 'GG', 'GI', 'GL', 'GS', 'HM', 'IM', 'IO',
  'KN', 'KY', 'LI', 'MC', 'MF', 'MH', 'MP', 'MS', 'NF', 'NR', 'NU', 'PM', 'PN', 'PW', 'SH', 'SJ', 'SM', 'SX', 'TC', 'TF', 'TK', 'TV', 'UM',
  'VA', 'VG', 'VI', 'WF',
]

const SMALL: ReadonlySet<string> = new Set(SMALL_COUNTRIES)
const UNKNOWN = 'ZZ' as CountryCode
const A = 0x41

/** The country as a record may hold it: alpha-2, or `ZZ` where it is not known, not a code, or too small. */
export function countryOf(country: string): CountryCode {
  return isCountryCode(country) && !SMALL.has(country) ? country : UNKNOWN
}

const LETTERS = 26
/** By a code's two letters, as one number: that of the country in records. */
const NUMBERS = Uint16Array.from({ length: LETTERS * LETTERS }, (_, i) => numberOf(countryOf(String.fromCharCode(A + Math.floor(i / LETTERS), A + (i % LETTERS)))))

/** A number from 0 to 675, equal for two countries when, and only when, `countryOf` is. */
export function countryNumber(country: string): number {
  return NUMBERS[isCode(country) ? numberOf(country) : numberOf(UNKNOWN)] ?? 0
}

function isCode(country: string): boolean {
  return country.length === 2 && isLetter(country.charCodeAt(0)) && isLetter(country.charCodeAt(1))
}

function isLetter(code: number): boolean {
  return code >= A && code < A + LETTERS
}

function numberOf(code: string): number {
  return (code.charCodeAt(0) - A) * LETTERS + code.charCodeAt(1) - A
}
