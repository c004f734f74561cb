/** Whether a text is the address of a Redis in one of its layouts, for `check`. What it says is read by whatever connects to it. */

const PORT = '0*(?:[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])'
const HOST = `(?:\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z._-]+)(?::${PORT})?`
const HOSTS = `${HOST}(?:,${HOST})*`
const USER = '(?:(?:%[0-9a-fA-F]{2}|[^%@/?#])*@)?'
const REDIS_URL = new RegExp(`^rediss?(?:://${USER}${HOST}(?:/\\d*)?|\\+sentinel://${USER}${HOSTS}/[^/?#]+(?:/\\d*)?|\\+cluster://${USER}${HOSTS}(?:/0*)?)$`)

export function isRedisUrl(text: string): boolean {
  return REDIS_URL.test(text)
}
