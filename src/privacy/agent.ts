/**
 * Person or machine, from the user agent, which itself goes nowhere. Only the class is kept, so that statistics can leave
 * machines out. It is a courtesy, not a defence: whoever wants to pass for a player does.
 */
import { names } from './names.ts'
import type { UserAgent } from './user-agent.ts'
import type { AgentClass } from './values.ts'

/** Bytes that are looked at. Real user agents are shorter; what is longer costs no more. */
const LOOK = 512

/** Programs and watchers that fetch on somebody's behalf, but show no picture. Looked for first: some watchers call themselves robots. */
const TOOLS = [
  'curl/', 'libcurl', 'wget', 'httpie', 'ffmpeg', 'ffprobe', 'lavf/', 'gstreamer', 'streamlink', 'yt-dlp', 'youtube-dl', 'aria2',
  'python', 'aiohttp', 'httpx/', 'go-http-client', 'java/', 'apache-httpclient', 'libwww-perl', 'lwp::', 'node-fetch', 'undici', 'axios/',
  'got (', 'deno/', 'bun/', 'ruby', 'guzzle', 'php/', 'postman', 'insomnia', 'apachebench', 'wrk/', 'k6/', 'jmeter', 'vegeta', 'hey/',
  'headlesschrome', 'phantomjs', 'puppeteer', 'playwright', 'selenium', 'lighthouse', 'pingdom', 'uptimerobot', 'statuscake', 'site24x7',
  'datadog', 'newrelic', 'prometheus', 'blackbox', 'zabbix', 'nagios', 'check_http', 'monit/', 'haproxy', 'healthchecker', 'kube-probe',
  'googlehc', 'gtmetrix', 'better uptime', 'wissel',
]

/** Programs that visit the web of their own accord, or to preview a link. */
const BOTS = [
  'bot/', 'bot;', 'bot)', 'bot ', 'bot-', 'bot_', '-bot', 'robot', 'googlebot', 'crawl', 'spider', 'slurp', 'archiver', 'ia_archiver',
  'facebookexternalhit', 'facebookcatalog', 'meta-externalagent', 'whatsapp', 'embedly', 'bingpreview', 'google-inspectiontool',
  'googleother', 'google-read-aloud', 'mediapartners-google', 'adsbot', 'apis-google', 'feedfetcher', '+http', 'bytespider', 'ahrefs',
  'semrush', 'dataforseo', 'skypeuripreview', 'vkshare', 'slackbot', 'telegrambot', 'twitterbot', 'discordbot', 'scrapy', 'nutch',
  'heritrix', 'masscan', 'zgrab', 'censys', 'nmap', 'internet-measurement', 'expanse',
]

/** Browsers and players. */
const PLAYERS = [
  'mozilla/', 'opera/', 'applecoremedia', 'exoplayer', 'media3', 'vlc', 'mpv', 'kodi', 'iptv', 'okhttp', 'dalvik', 'cfnetwork', 'roku',
  'tizen', 'web0s', 'webos', 'crkey', 'stagefright', 'nsplayer', 'windows-media-player', 'quicktime', 'shaka', 'hls.js', 'dash.js',
  'jwplayer', 'bitmovin', 'theoplayer', 'nexplayer', 'playstation', 'xbox', 'nintendo', 'hbbtv', 'smarttv', 'smart-tv', 'smart_tv',
  'appletv', 'apple tv', 'tvos', 'bravia', 'viera', 'netcast', 'mag2', 'mag5', 'infuse', 'plex', 'emby', 'jellyfin', 'castlabs',
]

/** `cubot`: phones of a make whose name ends as a robot's. */
const [TOOL, BOT, PLAYER, CUBOT] = [1, 2, 4, 8] as const
const NAMES = names([[TOOLS, TOOL], [BOTS, BOT], [PLAYERS, PLAYER], [['cubot'], CUBOT]])

export function agentClass(userAgent: UserAgent | undefined): AgentClass {
  if (userAgent === undefined) return 'unknown'
  const { bytes, start } = userAgent
  const end = Math.min(userAgent.end, start + LOOK)
  const found = NAMES.find(bytes, start, end)
  if ((found & TOOL) !== 0) return 'tool'
  if ((found & BOT) !== 0 && !((found & CUBOT) !== 0 && /\bcubot\b/i.test(userAgent.text.slice(0, LOOK)))) return 'bot'
  if (end - start >= 3 && endsInBot(bytes, end)) return 'bot'
  return (found & PLAYER) !== 0 ? 'human' : 'unknown'
}

function endsInBot(bytes: Uint8Array, end: number): boolean {
  return ((bytes[end - 3] ?? 0) | 0x20) === 0x62 && ((bytes[end - 2] ?? 0) | 0x20) === 0x6f && ((bytes[end - 1] ?? 0) | 0x20) === 0x74
}
