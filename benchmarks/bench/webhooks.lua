-- wrk's requests: arguments are a file of templates (bodies.py) and the number of the first event.
-- All but the two places in a template is put together once, so that a request costs one concatenation.
local SESSIONS, STRIDE = 10000, 7919
local parts, number, sessions = {}, 0, {}

function init(args)
  number = tonumber(args[2])
  for line in io.lines(args[1]) do
    local before, between, after = line:match("^(.-)%%SESSION%%(.-)%%NUMBER%%(.*)$")
    local length = #before + 5 + #between + 9 + #after
    local head = "POST /webhook/messaging HTTP/1.1\r\nhost: 127.0.0.1\r\n"
      .. "content-type: application/json\r\ncontent-length: " .. length .. "\r\n\r\n"
    parts[#parts + 1] = { head .. before, between, after }
  end
  for session = 0, SESSIONS - 1 do sessions[session] = string.format("%05d", session) end
end

function request()
  local part = parts[number % #parts + 1]
  local session = sessions[number * STRIDE % SESSIONS]
  local text = part[1] .. session .. part[2] .. string.format("%09d", number) .. part[3]
  number = number + 1
  return text
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
