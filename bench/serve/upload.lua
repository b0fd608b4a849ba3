-- wrk posts one recording ($AUDIO), as a browser's form does, or gets a page where none is given; the figures come as JSON.
local path = os.getenv("AUDIO")
if path then
  local file = assert(io.open(path, "rb"))
  local audio = file:read("*a")
  file:close()
  local boundary = "----autobird0123456789abcdef"
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
  wrk.body = "--" .. boundary .. "\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"recording\"\r\n"
    .. "Content-Type: application/octet-stream\r\n\r\n" .. audio .. "\r\n--" .. boundary .. "--\r\n"
end

done = function(summary, latency)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    'FIGURES {"requests":%d,"seconds":%.6f,"failures":%d,"p50Ms":%.3f,"p99Ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, failures, latency:percentile(50) / 1000, latency:percentile(99) / 1000
  ))
end
