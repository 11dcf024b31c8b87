-- For wrk: every request has the next of the visitors' cookies.

local cookies, last = {}, 0

function init(arguments)
  for cookie in io.lines(arguments[1]) do cookies[#cookies + 1] = cookie end
end

function request()
  last = last % #cookies + 1
  return wrk.format("GET", nil, { Cookie = cookies[last] })
end
