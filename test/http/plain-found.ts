/** Requests, as Latin-1 text, that the fast lane's reader once read in another way than `node:http`, or might have. */
export const FOUND: readonly string[] = [
  // White space behind a value is not part of it.
  'GET / HTTP/1.1\r\nHost: a \t \r\nX:  \r\n\r\n',
  // llhttp obeys the old spelling of `Connection` too.
  'GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n',
  // A name that only looks like one that matters.
  'GET / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent_Length: 5\r\nHos\x74x: b\r\n\r\n',
]
