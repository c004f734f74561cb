/** A crash must not write what is in memory to a file: diagnostic reports hold the addresses of all open sockets. For each thread. */
export function forbidReports(): void {
  const { report } = process
  report.reportOnFatalError = false
  report.reportOnSignal = false
  report.reportOnUncaughtException = false
}
