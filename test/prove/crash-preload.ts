/** Loaded into the router before its own code, to make it end in ways that no request can: on SIGWINCH, as `CRASH` says. */
process.on('SIGWINCH', () => {
  const kind = process.env['CRASH']
  if (kind === 'abort') process.abort()
  // The error holds its input, as so many do.
  if (kind === 'uncaught') setImmediate(() => void new URL(process.env['CRASH_TEXT'] ?? ''))
  if (kind === 'rejection') void Promise.reject(Object.assign(new Error(process.env['CRASH_TEXT']), { input: process.env['CRASH_TEXT'] }))
  if (kind === 'memory') {
    const held: unknown[] = []
    for (;;) held.push(new Array(10_000).fill(held.length))
  }
})
