import fc from 'fast-check'
import t from 'tap'
import { agentClass } from '../../src/privacy/agent.ts'
import { UserAgent } from '../../src/privacy/user-agent.ts'
import { AGENTS } from '../../src/privacy/values.ts'
import type { AgentClass } from '../../src/privacy/values.ts'

const rows: [string | undefined, (typeof AGENTS)[number]][] = [
  [undefined, 'unknown'],
  ['', 'unknown'],
  ['-', 'unknown'],
  ['MyApp/1.0', 'unknown'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36', 'human'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1', 'human'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'human'],
  ['Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/7.0 TV Safari/537.36', 'human'],
  ['Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0 Safari/537.36 WebAppManager', 'human'],
  ['AppleCoreMedia/1.0.0.21F90 (iPhone; U; CPU OS 17_5_1 like Mac OS X; nl_nl)', 'human'],
  ['AppleCoreMedia/1.0.0.21L580 (Apple TV; U; CPU OS 17_5 like Mac OS X; de_de)', 'human'],
  ['ExoPlayerLib/2.19.1 (Linux; Android 14) ExoPlayerLib/2.19.1', 'human'],
  ['AndroidXMedia3/1.4.0 (Linux;Android 14)', 'human'],
  ['okhttp/4.12.0', 'human'],
  ['Dalvik/2.1.0 (Linux; U; Android 13; SM-A546B Build/TP1A)', 'human'],
  ['VLC/3.0.20 LibVLC/3.0.20', 'human'],
  ['mpv 0.38.0', 'human'],
  ['Kodi/20.5 (Linux; Android 11) Android/11 Sys_CPU/armv7l', 'human'],
  ['Roku/DVP-12.5 (12.5.5.4174-CU)', 'human'],
  ['HbbTV/1.6.1 (+DRM;Samsung;SmartTV2023:UAU8000;T-KSU2EDEUC;;)', 'human'],
  ['Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36', 'human'],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'bot'],
  ['Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)', 'bot'],
  ['Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)', 'bot'],
  ['Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)', 'bot'],
  ['facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)', 'bot'],
  ['WhatsApp/2.23.20.0', 'bot'],
  ['Twitterbot/1.0', 'bot'],
  ['Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)', 'bot'],
  ['TelegramBot (like TwitterBot)', 'bot'],
  ['Baiduspider+(+http://www.baidu.com/search/spider.htm)', 'bot'],
  ['Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)', 'bot'],
  ['Scrapy/2.11 (+https://scrapy.org)', 'bot'],
  ['something that calls itself a bot', 'bot'],
  ['curl/8.5.0', 'tool'],
  ['Wget/1.21.4', 'tool'],
  ['Lavf/60.16.100', 'tool'],
  ['python-requests/2.32.3', 'tool'],
  ['Python/3.12 aiohttp/3.9.5', 'tool'],
  ['Go-http-client/2.0', 'tool'],
  ['Java/17.0.11', 'tool'],
  ['node-fetch/1.0 (+https://github.com/bitinn/node-fetch)', 'tool'],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36', 'tool'],
  ['Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)', 'tool'],
  ['Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)', 'tool'],
  ['Prometheus/2.53.0', 'tool'],
  ['kube-probe/1.29', 'tool'],
  ['check_http/v2.3.5 (monitoring-plugins 2.3.5)', 'tool'],
  ['GStreamer souphttpsrc 1.24.5 libsoup/3.4.4', 'tool'],
]

function classOf(text: string | undefined): AgentClass {
  return agentClass(text === undefined ? undefined : UserAgent.of(text))
}

t.test('players and browsers are human, crawlers are bots, programs and watchers are tools', async (t) => {
  for (const [agent, expected] of rows) t.equal(classOf(agent), expected, agent ?? 'none')
})

t.test('the case of letters does not matter', async (t) => {
  for (const [agent, expected] of rows) {
    t.equal(classOf(agent?.toLowerCase()), expected)
    t.equal(classOf(agent?.toUpperCase()), expected)
  }
})

t.test('whatever a user agent holds, a class comes out', async () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => AGENTS.includes(agentClass(new UserAgent(bytes, 0, bytes.length)))))
})

t.test('what stands around a user agent is not looked at', async (t) => {
  const agent = (text: string, before = 'curl/8 bot ') => new UserAgent(Buffer.from(`${before}${text} bot/ curl/8`, 'latin1'), before.length, before.length + text.length)
  t.equal(agent('MyApp é').text, 'MyApp é')
  for (const text of ['', 'b', 'bo', 'ot', 'bo ', 'MyApp/1.0']) t.equal(agentClass(agent(text)), 'unknown', text)
  for (const [before, text] of [['bo', 't'], ['b', 'ot'], ['bot', '']] as const) t.equal(agentClass(agent(text, before)), 'unknown', `${before}|${text}`)
  t.equal(agentClass(agent('VLC/3')), 'human')
  const far = 'x'.repeat(600)
  t.equal(agentClass(agent('curl/8', far)), 'tool', 'however far behind the beginning of a request it stands')
  t.equal(agentClass(agent(`${'x'.repeat(512)} curl/8`, far)), 'unknown')
})

t.test('only the first 512 characters are looked at', async (t) => {
  t.equal(classOf(`${'x'.repeat(512)} curl/8.5.0`), 'unknown')
  t.equal(classOf(`${'x'.repeat(502)} curl/8.5`), 'tool')
  t.equal(classOf(`Mozilla/5.0 ${'bo'.repeat(5_000_000)}`), 'human')
})
