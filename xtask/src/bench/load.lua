-- For wrk: one POST of a JSON body over and over, or one for each line of a file, or a GET if there is
-- no body; and a line of JSON for load.rs at the end.

local function read_lines(path)
  local lines, last = {}, 0
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  request = function()
    last = last % #lines + 1
    return wrk.format(nil, nil, nil, lines[last])
  end
end

function init(args)
  if args[1] == "" then
    return
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  local path = args[1]:match("^@(.+)")
  if path then
    read_lines(path)
  else
    wrk.body = args[1]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%f,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests,
    summary.duration / 1e6,
    latency:percentile(50),
    latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
