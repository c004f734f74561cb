/**
 * `node:http`, taken so that what nobody uses is not loaded: an `import` statement reads every export, and some of them load
 * all of `fetch`, which took 60 ms of each thread's start.
 */
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http')
