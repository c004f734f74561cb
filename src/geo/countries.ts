/**
 * Countries and territories of ISO 3166-1 (and XK), each with its continent and a reference point: roughly where its
 * people live, which is where a viewer is assumed to be when the geo database knows the country only. For a wide
 * country that is the weight of its population, not its capital.
 *
 * Continents are those that GeoNames and the geo databases made from it use. Degrees north and east.
 */
import { vector } from '../routing/distance.ts'
import type { Continent, Country, Place } from '../routing/model.ts'

export const CONTINENTS = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'] as const

/** For an address of which nothing is known. */
export const UNKNOWN_PLACE: Place = Object.freeze({ country: 'ZZ', continent: 'ZZ', at: undefined })

/** The place that stands for a whole country; always the same frozen object. `undefined` where there is no such code. */
export function countryPlace(code: Country): Place | undefined {
  return PLACES.get(code)
}

/** Whether this is the code, in upper case, of a country or territory. `ZZ` is not. */
export function isCountry(code: string): boolean {
  return PLACES.has(code)
}

export function isContinent(code: string): boolean {
  return CONTINENTS.some((continent) => continent === code)
}

/** Every code, in the order of the table below. */
export function countryCodes(): Iterable<Country> {
  return PLACES.keys()
}

type Points = Readonly<Record<Country, readonly [latitude: number, longitude: number]>>

const POINTS: Readonly<Record<(typeof CONTINENTS)[number], Points>> = {
  AF: {
    AO: [-8.8, 13.3], BF: [12.3, -1.5], BI: [-3.4, 29.6], BJ: [6.6, 2.4], BW: [-24.0, 26.1], CD: [-4.4, 15.6], CF: [4.5, 18.6],
    CG: [-4.3, 15.2], CI: [5.6, -4.2], CM: [4.1, 10.5], CV: [15.0, -23.6], DJ: [11.6, 43.1], DZ: [36.3, 3.4], EG: [30.1, 31.2],
    EH: [27.1, -13.2], ER: [15.3, 38.9], ET: [9.0, 38.7], GA: [0.4, 9.6], GH: [5.9, -0.5], GM: [13.4, -16.6], GN: [9.8, -13.3],
    GQ: [3.5, 9.2], GW: [11.9, -15.6], KE: [-1.2, 36.8], KM: [-11.7, 43.3], LR: [6.3, -10.7], LS: [-29.4, 27.6], LY: [32.8, 13.4],
    MA: [33.6, -7.0], MG: [-18.9, 47.5], ML: [12.7, -7.8], MR: [18.1, -15.9], MU: [-20.2, 57.5], MW: [-14.4, 34.3], MZ: [-25.6, 32.7],
    NA: [-22.1, 17.0], NE: [13.5, 2.8], NG: [7.2, 4.2], RE: [-21.0, 55.5], RW: [-1.9, 30.0], SC: [-4.6, 55.5], SD: [15.3, 32.6],
    SH: [-15.9, -5.7], SL: [8.4, -12.9], SN: [14.7, -17.2], SO: [2.6, 45.0], SS: [4.9, 31.6], ST: [0.3, 6.7], SZ: [-26.3, 31.3],
    TD: [12.1, 15.2], TG: [6.3, 1.2], TN: [36.4, 10.2], TZ: [-6.7, 38.8], UG: [0.4, 32.5], YT: [-12.8, 45.2], ZA: [-27.3, 27.5],
    ZM: [-15.2, 28.3], ZW: [-18.1, 30.8],
  },
  AN: {
    AQ: [-77.8, 166.7], BV: [-54.4, 3.4], GS: [-54.3, -36.5], HM: [-53.1, 73.5], TF: [-49.4, 70.2],
  },
  AS: {
    AE: [24.9, 55.1], AF: [34.5, 68.6], AM: [40.2, 44.5], AZ: [40.4, 49.5], BD: [23.8, 90.4], BH: [26.2, 50.6], BN: [4.9, 114.9],
    BT: [27.4, 89.6], CC: [-12.2, 96.8], CN: [32.2, 114.8], GE: [41.8, 44.4], HK: [22.3, 114.2], ID: [-6.3, 107.2], IL: [32.0, 34.9],
    IN: [21.5, 77.8], IO: [-7.3, 72.4], IQ: [33.3, 44.3], IR: [35.2, 51.4], JO: [31.9, 35.9], JP: [35.6, 139.0], KG: [42.5, 74.2],
    KH: [11.7, 104.8], KP: [39.1, 125.8], KR: [37.2, 127.2], KW: [29.3, 48.0], KZ: [46.5, 73.5], LA: [18.0, 102.6], LB: [33.9, 35.6],
    LK: [6.9, 80.0], MM: [17.5, 96.2], MN: [47.9, 106.8], MO: [22.2, 113.5], MV: [4.2, 73.5], MY: [3.2, 101.8], NP: [27.6, 85.2],
    OM: [23.3, 58.0], PH: [14.3, 121.1], PK: [31.2, 72.0], PS: [31.8, 35.0], QA: [25.3, 51.5], SA: [24.6, 46.0], SG: [1.35, 103.8],
    SY: [34.0, 36.6], TH: [13.9, 100.7], TJ: [38.6, 68.9], TM: [38.0, 58.5], TR: [40.1, 31.5], TW: [24.6, 121.2], UZ: [41.0, 68.6],
    VN: [21.0, 105.8], YE: [14.7, 44.3],
  },
  EU: {
    AD: [42.5, 1.5], AL: [41.3, 19.8], AT: [48.0, 15.5], AX: [60.1, 19.9], BA: [44.1, 18.0], BE: [50.9, 4.4], BG: [42.7, 24.2],
    BY: [53.8, 27.6], CH: [47.2, 8.0], CY: [35.0, 33.2], CZ: [49.9, 15.0], DE: [50.8, 9.6], DK: [55.8, 11.4], EE: [59.2, 25.2],
    ES: [40.2, -3.2], FI: [61.0, 24.8], FO: [62.0, -6.8], FR: [47.6, 2.6], GB: [51.9, -0.7], GG: [49.5, -2.5], GI: [36.1, -5.4],
    GR: [38.5, 23.3], HR: [45.5, 16.0], HU: [47.4, 19.2], IE: [53.2, -6.8], IM: [54.2, -4.5], IS: [64.2, -21.6], IT: [43.5, 11.3],
    JE: [49.2, -2.1], LI: [47.2, 9.5], LT: [55.0, 24.4], LU: [49.6, 6.1], LV: [56.9, 24.2], MC: [43.7, 7.4], MD: [47.1, 28.7],
    ME: [42.5, 19.1], MK: [41.9, 21.5], MT: [35.9, 14.5], NL: [52.1, 5.1], NO: [60.2, 9.6], PL: [51.8, 19.6], PT: [39.6, -8.7],
    RO: [45.3, 25.8], RS: [44.6, 20.5], RU: [55.8, 40.0], SE: [58.9, 16.0], SI: [46.1, 14.7], SJ: [78.2, 15.6], SK: [48.6, 18.8],
    SM: [43.9, 12.5], UA: [49.8, 30.8], VA: [41.9, 12.45], XK: [42.6, 21.0],
  },
  NA: {
    AG: [17.1, -61.8], AI: [18.2, -63.1], AW: [12.5, -70.0], BB: [13.1, -59.6], BL: [17.9, -62.85], BM: [32.3, -64.8],
    BQ: [12.2, -68.3], BS: [25.1, -77.4], BZ: [17.5, -88.4], CA: [45.6, -79.0], CR: [9.9, -84.1], CU: [23.0, -82.0], CW: [12.1, -68.9],
    DM: [15.4, -61.35], DO: [18.7, -70.1], GD: [12.1, -61.7], GL: [64.5, -51.2], GP: [16.2, -61.5], GT: [14.6, -90.6],
    HN: [14.6, -87.4], HT: [18.6, -72.3], JM: [18.0, -76.9], KN: [17.3, -62.7], KY: [19.3, -81.3], LC: [13.9, -61.0],
    MF: [18.1, -63.05], MQ: [14.6, -61.0], MS: [16.8, -62.2], MX: [20.6, -99.9], NI: [12.2, -86.2], PA: [8.9, -79.7], PM: [46.8, -56.2],
    PR: [18.3, -66.2], SV: [13.7, -89.1], SX: [18.0, -63.1], TC: [21.8, -72.2], TT: [10.5, -61.4], US: [39.3, -89.5],
    VC: [13.2, -61.2], VG: [18.4, -64.6], VI: [18.0, -64.8],
  },
  OC: {
    AS: [-14.3, -170.7], AU: [-33.5, 148.0], CK: [-21.2, -159.8], CX: [-10.4, 105.7], FJ: [-18.0, 178.2], FM: [6.9, 158.2],
    GU: [13.5, 144.8], KI: [1.4, 173.0], MH: [7.1, 171.3], MP: [15.2, 145.7], NC: [-22.2, 166.4], NF: [-29.0, 168.0],
    NR: [-0.5, 166.9], NU: [-19.05, -169.9], NZ: [-39.0, 175.0], PF: [-17.6, -149.5], PG: [-8.0, 146.5], PN: [-25.1, -130.1],
    PW: [7.4, 134.5], SB: [-9.4, 160.0], TK: [-9.2, -171.8], TL: [-8.6, 125.6], TO: [-21.1, -175.2], TV: [-8.5, 179.2],
    UM: [19.3, 166.6], VU: [-17.5, 168.2], WF: [-13.3, -176.2], WS: [-13.8, -171.8],
  },
  SA: {
    AR: [-33.8, -60.0], BO: [-16.9, -66.8], BR: [-20.5, -46.0], CL: [-33.6, -70.9], CO: [5.2, -74.8], EC: [-1.4, -79.2],
    FK: [-51.7, -57.9], GF: [4.9, -52.4], GY: [6.7, -58.0], PE: [-11.8, -76.8], PY: [-25.3, -57.2], SR: [5.8, -55.2],
    UY: [-34.7, -56.1], VE: [10.1, -68.0],
  },
}

const PLACES: ReadonlyMap<Country, Place> = new Map(
  CONTINENTS.flatMap((continent) =>
    Object.entries(POINTS[continent]).map(([country, at]): [Country, Place] => [country, placeOf(country, continent, ...at)]),
  ),
)

/** A frozen place. Degrees. */
export function placeOf(country: Country, continent: Continent, latitude: number, longitude: number): Place {
  return Object.freeze({ country, continent, at: Object.freeze(vector(latitude, longitude)) })
}
