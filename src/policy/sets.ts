/** Named sets of countries, for policies and fences. Dated, because membership changes. */
import type { Country } from '../routing/model.ts'

/** Member states of the European Union as of 2020-02-01. */
const EU = ['AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK']

export const COUNTRY_SETS: Readonly<Record<string, readonly Country[]>> = {
  'eu-members': EU,
  /** The European Economic Area: the Union with Iceland, Liechtenstein and Norway. */
  'eea-members': [...EU, 'IS', 'LI', 'NO'],
  /** The EEA and the countries with an adequacy decision of the Commission under Article 45 GDPR without a framework to join, as of 2024-01-15. */
  'eu-adequate': [...EU, 'IS', 'LI', 'NO', 'AD', 'AR', 'FO', 'GG', 'IL', 'IM', 'JP', 'JE', 'NZ', 'KR', 'CH', 'GB', 'UY'],
}

export function expandCountries(names: readonly string[]): ReadonlySet<Country> {
  return new Set(names.flatMap((name) => COUNTRY_SETS[name] ?? [name]))
}
