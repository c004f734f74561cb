/**
 * What kind of device a viewer uses, from the user agent, which itself goes nowhere: ten classes, each of millions of
 * people. Counted for itself alone and never in a row with anything else.
 */
import { agentClass } from './agent.ts'
import { UserAgent } from './user-agent.ts'

export const DEVICES = ['web-mobile', 'web-desktop', 'ios-app', 'android-app', 'smart-tv', 'stb', 'console', 'cast', 'tool', 'unknown'] as const
export type Device = (typeof DEVICES)[number]

/** Characters that are looked at, as in `agent.ts`. */
const LOOK = 512

/** In this order: a game console or television names a browser and a system too, and the first that matches decides. */
const CLASSES: readonly (readonly [Device, RegExp])[] = [
  ['cast', /crkey|chromecast|googlecast/i],
  ['console', /playstation|xbox|nintendo/i],
  ['stb', /\bmag ?[25]\d\d|set-?top|\bstb\b|infomir|formuler|dreambox|vu\+|enigma2|arris|humax|sagemcom|technicolor|kaon|amino/i],
  ['smart-tv', /smart-?_?tv|hbbtv|tizen.*\btv\b|web0s|webos|netcast|bravia|viera|aquos|philipstv|nettv|vidaa|roku|appletv|apple tv|tvos|aft[a-z]|fire tv|googletv|android tv|\btv\b.*android|dlnadoc/i],
  ['ios-app', /applecoremedia|cfnetwork|darwin\//i],
  ['android-app', /exoplayer|media3|okhttp|dalvik|stagefright/i],
  ['web-mobile', /mozilla\/.*(?:mobile|iphone|ipod|ipad|android|tablet|windows phone)/i],
  ['web-desktop', /mozilla\/.*(?:windows nt|macintosh|x11|linux|cros)|opera\/\d/i],
]

export function deviceClass(userAgent: string | undefined): Device {
  const agent = agentClass(userAgent === undefined ? undefined : UserAgent.of(userAgent))
  if (userAgent === undefined || agent === 'tool' || agent === 'bot') return agent === 'unknown' ? 'unknown' : 'tool'
  const text = userAgent.length > LOOK ? userAgent.slice(0, LOOK) : userAgent
  for (const [device, pattern] of CLASSES) if (pattern.test(text)) return device
  return 'unknown'
}
