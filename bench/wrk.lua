-- Sends the requests of the file that WISSEL_BENCH_REQUESTS names, in turn; they are separated by NUL.
local requests, count, position = {}, 0, 0

function init()
  local file = assert(io.open(os.getenv("WISSEL_BENCH_REQUESTS"), "rb"))
  for text in (file:read("*a") .. "\0"):gmatch("(%Z+)%z") do
    count = count + 1
    requests[count] = text
  end
  file:close()
end

function request()
  position = position % count + 1
  return requests[position]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"errors":%d,"seconds":%f,"p50":%d,"p99":%d,"p999":%d}\n', summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
