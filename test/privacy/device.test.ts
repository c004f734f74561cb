import fc from 'fast-check'
import t from 'tap'
import { DEVICES, deviceClass } from '../../src/privacy/device.ts'
import { referrerOf } from '../../src/privacy/referrer.ts'

t.test('a device is one of at most ten classes, each of very many people', async (t) => {
  t.ok(DEVICES.length <= 10)
  const rows: [string, string | undefined][] = [
    ['web-desktop', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'],
    ['web-desktop', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15'],
    ['web-desktop', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
    ['web-mobile', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'],
    ['web-mobile', 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36'],
    ['ios-app', 'AppleCoreMedia/1.0.0.22B83 (iPhone; U; CPU OS 18_1 like Mac OS X; nl_nl)'],
    ['ios-app', 'Omroep/7.1 CFNetwork/1568.200.51 Darwin/24.1.0'],
    ['android-app', 'Omroep/3.2 (Linux;Android 15) AndroidXMedia3/1.4.1'],
    ['android-app', 'okhttp/4.12.0'],
    ['smart-tv', 'Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/4.0 Chrome/94.0.4606.31 TV Safari/537.36'],
    ['smart-tv', 'Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.5359.211 Safari/537.36 WebAppManager'],
    ['smart-tv', 'HbbTV/1.6.1 (+DRM;Sony;KD-55;v1.0;)'],
    ['smart-tv', 'AppleCoreMedia/1.0.0.22J580 (Apple TV; U; CPU OS 18_1 like Mac OS X; nl_nl)'],
    ['smart-tv', 'Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7624) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 Mobile Safari/537.36'],
    ['cast', 'Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Safari/537.36 CrKey/1.56.500000'],
    ['console', 'Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15 (KHTML, like Gecko)'],
    ['stb', 'Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) MAG254 stbapp ver: 2 rev: 250 Safari/533.3'],
    ['tool', 'curl/8.5.0'],
    ['tool', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'],
    ['unknown', undefined],
    ['unknown', ''],
    ['unknown', 'something nobody has heard of'],
  ]
  for (const [expected, agent] of rows) t.equal(deviceClass(agent), expected, String(agent).slice(0, 60))
})

t.test('versions do not change the class, and no text gives more than a class', async () => {
  fc.assert(fc.property(fc.string({ maxLength: 2000 }), (text) => (DEVICES as readonly string[]).includes(deviceClass(text))))
  fc.assert(fc.property(fc.nat(999), fc.nat(9999), (major, minor) => {
    return deviceClass(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.${minor}.0 Safari/537.36`) === 'web-desktop'
  }))
})

t.test('of a referring site only a listed host gets through', async (t) => {
  const listed = new Set(['www.omroep.example'])
  const rows: [string, string | undefined][] = [
    ['www.omroep.example', 'https://www.omroep.example/live?user=1'],
    ['www.omroep.example', 'http://WWW.Omroep.Example:8080/'],
    ['www.omroep.example', 'https://www.omroep.example'],
    ['_other', 'https://user:secret@www.omroep.example/'],
    ['_other', 'https://www.omroep.example.evil.example/'],
    ['_other', 'https://omroep.example/'],
    ['_other', 'android-app://www.omroep.example/'],
    ['_other', 'https://192.0.2.7/'],
    ['_other', 'www.omroep.example'],
    ['_other', 'https://'],
    ['_none', ''],
    ['_none', undefined],
  ]
  for (const [expected, referer] of rows) t.equal(referrerOf(referer, listed), expected, String(referer))
  fc.assert(fc.property(fc.webUrl(), (url) => ['_other', 'www.omroep.example'].includes(referrerOf(url, listed))))
})
