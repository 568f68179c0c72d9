/**
 * The scripts of the coordinator in Redis. All keys of a queue have one hash tag, so they lie in one slot of a cluster:
 *
 * - `millrace:{queue}:layout`: `of` (number of partitions), `run` (which run of Redis it is), `calm` (until when nobody
 *   may acquire), `draining` (since when it is drained: no numbers are given)
 * - `…:leases`: for each partition when its lease ends, or ended, in ms since 1970 by Redis' clock
 * - `…:members`: for each owner until when it is there, how many partitions it has, how many it takes
 * - `…:p:<n>`: the partition. `epoch`, `epochs` (`epoch:first,…`), `run`, `last`: its numbers. `owner`, `fence`, `note`:
 *   its lease. `pe`, `pf`, `pn`, `open`: its place (epoch, first of it, next, open numbers)
 * - `…:p:<n>:asks`: the numbers given last, by who asked, so that those whose answer was lost can be declared void
 * - `…:p:<n>:voids`: ranges of void numbers
 * - `…:refused:<ask>`: for a minute, an ask whose asker has given up
 *
 * Every script begins with `ENTER`: KEYS 1 and 2 are layout and leases, ARGV 1 to 3 `of`, `run`, and the time of a lease
 * in ms. Where Redis has been restarted or a replica took over (another run), or where it was emptied (no layout, no
 * leases), nobody acquires for that time.
 */
const TIME = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function fill()
  for i = 0, tonumber(ARGV[1]) - 1 do redis.call('ZADD', KEYS[2], 'NX', text(now), i) end
end
`;

const ENTER = `${TIME}
local of, run = ARGV[1], ARGV[2]
local layout = redis.call('HMGET', KEYS[1], 'of', 'run', 'calm', 'draining')
if layout[1] and layout[1] ~= of then return {'layout', layout[1]} end
local calm = tonumber(layout[3] or 0)
local emptied = redis.call('ZCARD', KEYS[2]) < tonumber(of)
if run ~= '' and layout[2] and layout[2] ~= run then
  -- Its history has another id, too, once it is long without a replica, or has its first: the caller may not know yet.
  local told = redis.pcall('INFO', 'replication')
  local history = type(told) == 'string' and string.match(told, 'master_replid:(%w+)')
  if history then run = string.match(run, '^[^:]*') .. ':' .. history end
end
if emptied or (run ~= '' and layout[2] ~= run) then
  calm = now + tonumber(ARGV[3])
  redis.call('HMSET', KEYS[1], 'of', of, 'run', run, 'calm', text(calm))
  if emptied then fill() end
end
`;

/** How many numbers of a partition were given, are not void, and are not done. Void ones count in their own epoch only. */
const UNDONE = `
local function undone(record, voids)
  local is = redis.call('HMGET', record, 'last', 'pn', 'epochs')
  if not is[1] then return nil end
  local last, next = tonumber(is[1]), tonumber(is[2] or 1)
  local count = math.max(0, last + 1 - next)
  if count == 0 then return 0 end
  local epochs, ends = {}, {}
  for epoch, first in string.gmatch(is[3] or '', '(%d+):(%d+)') do
    if #epochs > 0 then ends[epochs[#epochs].epoch] = tonumber(first) - 1 end
    epochs[#epochs + 1] = {epoch = epoch, first = tonumber(first)}
    ends[epoch] = last
  end
  local firsts = {}
  for _, each in ipairs(epochs) do firsts[each.epoch] = each.first end
  for _, entry in ipairs(redis.call('ZRANGEBYSCORE', voids, text(next), '+inf')) do
    local epoch, from, to = string.match(entry, '^(%d+):(%d+)-(%d+)$')
    if firsts[epoch] then
      local low, high = math.max(tonumber(from), next, firsts[epoch]), math.min(tonumber(to), ends[epoch])
      count = count - math.max(0, high - low + 1)
    end
  end
  return math.max(0, count)
end
`;

/** ARGV 4: what the layout was when the caller looked, 5: whether nobody can be working. KEYS 3…: record and voids of each partition of both layouts. */
export const AGREE = `${TIME}${UNDONE}
local of, run = ARGV[1], ARGV[2]
local was = redis.call('HGET', KEYS[1], 'of') or ''
if was == of then return {'agreed'} end
if was ~= ARGV[4] then return {'again'} end
local waiting = 0
for i = 3, #KEYS, 2 do
  if was ~= '' then waiting = waiting + (undone(KEYS[i], KEYS[i + 1]) or 0) end
end
if waiting > 0 then return {'layout', was, text(waiting)} end
local calm = '0'
if was ~= '' or ARGV[5] ~= 'untouched' then calm = text(now + tonumber(ARGV[3])) end
redis.call('HMSET', KEYS[1], 'of', of, 'run', run, 'calm', calm)
redis.call('HDEL', KEYS[1], 'draining')
redis.call('DEL', KEYS[2])
fill()
return {'agreed'}
`;

/** KEYS 3: mark of a refused ask; 4…: record and asks of each. ARGV 4: who asks; 5…: how many for each. */
export const NUMBERS = `${ENTER}
-- Its asker has given up: this came late, from a connection that was thought dead.
if redis.call('EXISTS', KEYS[3]) == 1 then return {'refused'} end
if layout[4] then return {'draining'} end
local records = {}
for i = 1, #ARGV - 4 do
  local record = redis.call('HMGET', KEYS[2 + 2 * i], 'epoch', 'run', 'last', 'pn', 'epochs')
  if not record[1] then return {'lost', i} end
  records[i] = record
end
local given = {'given'}
for i = 1, #ARGV - 4 do
  local key, asks, count = KEYS[2 + 2 * i], KEYS[3 + 2 * i], tonumber(ARGV[4 + i])
  local record = records[i]
  local epoch, last = tonumber(record[1]), tonumber(record[3])
  if run ~= '' and record[2] ~= run then
    -- It may have forgotten numbers that it gave: these are not to be told from new ones but by their epoch.
    epoch = math.max(now, epoch + 1)
    last = math.max(last, tonumber(record[4] or 1) - 1)
    local epochs = record[5] .. ',' .. text(epoch) .. ':' .. text(last + 1)
    while select(2, string.gsub(epochs, ',', '')) >= 16 do epochs = string.gsub(epochs, '^[^,]*,', '') end
    redis.call('HMSET', key, 'epoch', text(epoch), 'run', run, 'epochs', epochs)
  end
  redis.call('HSET', key, 'last', text(last + count))
  redis.call('LPUSH', asks, ARGV[4] .. ' ' .. text(epoch) .. ' ' .. text(last + 1) .. ' ' .. text(last + count))
  redis.call('LTRIM', asks, 0, 255)
  given[2 * i], given[2 * i + 1] = text(epoch), text(last + 1)
end
return given
`;

/** KEYS 3, 4, 5: asks, voids, mark. ARGV 4: who asked. Its numbers are void; it shall get none if it got none yet. */
export const SETTLE = `${ENTER}
redis.call('SET', KEYS[5], '', 'PX', 60000)
for _, entry in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
  local id, epoch, first, last = string.match(entry, '^(%S+) (%d+) (%d+) (%d+)$')
  if id == ARGV[4] then
    redis.call('ZADD', KEYS[4], last, epoch .. ':' .. first .. '-' .. last)
    return {'void'}
  end
end
return {'none'}
`;

/** KEYS 3: voids. ARGV 4: epoch, 5, 6: first and last. */
export const DECLARE_VOID = `${ENTER}
redis.call('ZADD', KEYS[3], ARGV[6], ARGV[4] .. ':' .. ARGV[5] .. '-' .. ARGV[6])
return {'void'}
`;

/** KEYS 3…: records. */
export const BEGIN = `${ENTER}
for i = 3, #KEYS do
  local record = redis.call('HMGET', KEYS[i], 'epoch', 'pe', 'pn')
  if not record[1] then
    local epoch = math.max(now, tonumber(record[2] or 0) + 1)
    local first = text(tonumber(record[3] or 1))
    redis.call('HMSET', KEYS[i], 'epoch', text(epoch), 'run', run, 'last', text(tonumber(first) - 1), 'epochs', text(epoch) .. ':' .. first)
    if not record[3] then redis.call('HMSET', KEYS[i], 'pe', text(epoch), 'pf', first, 'pn', first, 'open', '') end
  end
end
return {'begun'}
`;

/** KEYS 3: members. ARGV 4: owner, or nobody; 5, 6: how many it has and takes. */
export const LOOK = `${ENTER}
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[4], text(now + tonumber(ARGV[3])) .. ' ' .. ARGV[5] .. ' ' .. ARGV[6])
end
local members = {}
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  local ends, count, most = string.match(all[i + 1], '^(%d+) (%d+) (%d+)$')
  if tonumber(ends) <= now then
    redis.call('HDEL', KEYS[3], all[i])
  else
    members[#members + 1] = all[i]
    members[#members + 1] = count
    members[#members + 1] = most
  end
end
local free = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now), 'WITHSCORES')
for i = 2, #free, 2 do free[i] = text(now - tonumber(free[i])) end
local soonest = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
soonest = soonest and text(tonumber(soonest) - now) or ''
return {'seen', text(math.max(0, calm - now)), soonest, members, free}
`;

/** KEYS 3: record. ARGV 4: partition, 5: owner. */
export const ACQUIRE = `${ENTER}
if now < calm then return {'calm'} end
local record = redis.call('HMGET', KEYS[3], 'owner', 'fence', 'note', 'epochs', 'pe', 'pf', 'pn', 'open')
local ends = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[4]) or 0)
if now < ends and record[1] ~= ARGV[5] then return {'held'} end
local fence = text(math.max(tonumber(record[2] or 0) + 1, now))
redis.call('HMSET', KEYS[3], 'owner', ARGV[5], 'fence', fence, 'note', '')
redis.call('ZADD', KEYS[2], text(now + tonumber(ARGV[3])), ARGV[4])
local got = {'acquired', fence}
for i, field in ipairs({1, 3, 4, 5, 6, 7, 8}) do got[2 + i] = record[field] or '' end
return got
`;

/**
 * KEYS 3…: records. ARGV 4: owner; then partition, fence and note of each. While nobody may acquire, whoever comes
 * with a fence that is not lower than the one here has the partition: Redis is what has forgotten.
 */
export const RENEW = `${ENTER}
local renewed = {'renewed'}
for i = 1, #KEYS - 2 do
  local partition, fence, note = ARGV[2 + 3 * i], ARGV[3 + 3 * i], ARGV[4 + 3 * i]
  local record = redis.call('HMGET', KEYS[2 + i], 'owner', 'fence')
  local holds = record[1] == ARGV[4] and record[2] == fence
  if not holds and now < calm then holds = tonumber(record[2] or 0) < tonumber(fence) end
  if holds then
    redis.call('HMSET', KEYS[2 + i], 'owner', ARGV[4], 'fence', fence, 'note', note)
    redis.call('ZADD', KEYS[2], text(now + tonumber(ARGV[3])), partition)
  end
  renewed[1 + i] = holds and 1 or 0
end
return renewed
`;

/** KEYS 3…: record and voids of each. ARGV 4…: owner and fence, and the place (epoch, first, next, open), of each. */
export const CHECKPOINT = `${ENTER}
local function checkpoint(record, voids, owner, fence, pe, pf, pn, open)
  local is = redis.call('HMGET', record, 'owner', 'fence', 'pe', 'pn')
  if tonumber(is[2] or 0) < tonumber(fence) then return 'forgotten' end
  if is[1] ~= owner or is[2] ~= fence then return 'fenced' end
  -- One that comes late, from a connection that was thought dead, must not undo a newer one.
  local epoch, was = tonumber(pe), tonumber(is[3] or 0)
  if epoch < was or (epoch == was and tonumber(pn) < tonumber(is[4] or 0)) then return 'stored' end
  redis.call('HMSET', record, 'pe', pe, 'pf', pf, 'pn', pn, 'open', open)
  redis.call('ZREMRANGEBYSCORE', voids, '-inf', '(' .. pn)
  return 'stored'
end
local answers = {'checkpointed'}
for i = 1, (#KEYS - 2) / 2 do
  answers[1 + i] = checkpoint(KEYS[1 + 2 * i], KEYS[2 + 2 * i], unpack(ARGV, 6 * i - 2, 6 * i + 3))
end
return answers
`;

/** KEYS 3: record. ARGV 4: partition, 5: owner, 6: fence. */
export const RELEASE = `${ENTER}
local record = redis.call('HMGET', KEYS[3], 'owner', 'fence')
if record[1] ~= ARGV[5] or record[2] ~= ARGV[6] then return {'fenced'} end
redis.call('HMSET', KEYS[3], 'owner', '', 'note', '')
if tonumber(redis.call('ZSCORE', KEYS[2], ARGV[4]) or 0) > now then redis.call('ZADD', KEYS[2], text(now), ARGV[4]) end
return {'released'}
`;

/** Changes nothing. KEYS 3: members, 4…: record and voids of each. */
export const STATUS = `${TIME}${UNDONE}
local layout = redis.call('HMGET', KEYS[1], 'calm', 'draining')
local members = {}
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  local ends, count, most = string.match(all[i + 1], '^(%d+) (%d+) (%d+)$')
  if tonumber(ends) > now then
    members[#members + 1] = all[i]
    members[#members + 1] = count
    members[#members + 1] = most
  end
end
local each = {}
for i = 4, #KEYS, 2 do
  local record = redis.call('HMGET', KEYS[i], 'owner', 'fence', 'last', 'pe', 'pf', 'pn', 'open')
  local ends = redis.call('ZSCORE', KEYS[2], #each)
  local left = undone(KEYS[i], KEYS[i + 1])
  local row = {ends and text(tonumber(ends) - now) or '', left and text(left) or ''}
  for j = 1, 7 do row[2 + j] = record[j] or '' end
  each[#each + 1] = row
end
local drained = layout[2] and text(math.max(0, now - tonumber(layout[2]))) or ''
return {'status', text(math.max(0, tonumber(layout[1] or 0) - now)), drained, members, each}
`;

/** Of the layout that is there. ARGV 4: 1, or 0 to take it back. */
export const DRAIN = `${TIME}
if redis.call('EXISTS', KEYS[1]) == 0 then return {'none'} end
if ARGV[4] == '1' then redis.call('HSETNX', KEYS[1], 'draining', text(now)) else redis.call('HDEL', KEYS[1], 'draining') end
return {'there'}
`;

/**
 * KEYS 3…: records. ARGV 4…: which partition each is. What nobody has is left open up to the last number, as if an owner
 * had skipped it, with a fence of its own: one whose lease has lapsed must not say otherwise.
 */
export const SKIP_MISSING = `${ENTER}
local skipped = {'skipped'}
for i = 1, #KEYS - 2 do
  local key, partition = KEYS[2 + i], ARGV[3 + i]
  local record = redis.call('HMGET', key, 'epoch', 'epochs', 'last', 'pn', 'open', 'fence')
  local ends = tonumber(redis.call('ZSCORE', KEYS[2], partition) or 0)
  local isFree = layout[4] and now >= calm and now >= ends and record[1]
  skipped[1 + i] = 0
  if isFree and tonumber(record[3]) >= tonumber(record[4] or 1) then
    local open = text(tonumber(record[4] or 1)) .. '-' .. record[3]
    if record[5] and record[5] ~= '' then open = record[5] .. ',' .. open end
    redis.call('HMSET', key, 'owner', '', 'note', '', 'fence', text(math.max(tonumber(record[6] or 0) + 1, now)),
      'pe', record[1], 'pf', string.match(record[2], ':(%d+)$'), 'pn', text(tonumber(record[3]) + 1), 'open', open)
    skipped[1 + i] = 1
  end
end
return skipped
`;
