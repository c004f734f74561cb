/** What must happen in Redis in one piece. Publishers alone run these; a router reads, and writes its own keys. */

/**
 * Moves a head. KEYS: head, list of past heads, stream, the thing that the head names.
 * ARGV: `epoch.version` of the head that the writer saw (empty: none), the new head, its `epoch.version`, heads to keep, and
 * where the writer saw something that is no head to it, all of that. It may pass for one here, so it is compared as it stands.
 * Returns `moved`, or `gone` where the thing does not exist, or `stale` and what is there. Text that is no head counts as none,
 * so that garbage can be replaced; that the version goes up is the writer's to see to, and asserted here where there is a head.
 */
export const MOVE_HEAD = `
local function position(text)
  if not text then return '' end
  local ok, head = pcall(cjson.decode, text)
  if not ok or type(head) ~= 'table' or type(head.epoch) ~= 'number' or type(head.version) ~= 'number' or type(head.bytes) ~= 'number' or type(head.sha256) ~= 'string' or #head.sha256 ~= 64 then return '' end
  return string.format('%d.%d', head.epoch, head.version), head
end
local current = redis.call('GET', KEYS[1])
local at, head = position(current)
if ARGV[5] then
  if current ~= ARGV[5] then return {'stale', current or ''} end
  head = nil
elseif at ~= ARGV[1] then return {'stale', current or ''} end
local _, new = position(ARGV[2])
if head and (new.epoch < head.epoch or (new.epoch == head.epoch and new.version <= head.version)) then return {'stale', current} end
if redis.call('EXISTS', KEYS[4]) == 0 then return {'gone'} end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('LPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[4]) - 1)
redis.call('XADD', KEYS[3], 'MAXLEN', '~', '10000', '*', 'at', ARGV[3])
return {'moved'}
`

/**
 * Deletes blobs that nothing needs. KEYS: head, list of past heads, pin, set of blobs, then the candidates' blobs.
 * ARGV: how many past heads keep theirs, the number of candidates, their digests, then the digests that routers run.
 * What is needed is read here and not by the caller: a head may move between the two. Returns the number deleted.
 */
export const COLLECT_BLOBS = `
local needed = {}
local function need(text)
  if not text then return true end
  local ok, head = pcall(cjson.decode, text)
  if not ok or type(head) ~= 'table' then return false end
  if head.sha256 then needed[head.sha256] = true end
  if type(head.base) == 'table' and head.base.sha256 then needed[head.base.sha256] = true end
  return true
end
if not need(redis.call('GET', KEYS[1])) or not need(redis.call('GET', KEYS[3])) then return 0 end
for _, text in ipairs(redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[1]) - 1)) do need(text) end
local count = tonumber(ARGV[2])
for i = 3 + count, #ARGV do needed[ARGV[i]] = true end
local deleted = 0
for i = 1, count do
  local sha = ARGV[2 + i]
  if not needed[sha] then
    redis.call('DEL', KEYS[4 + i])
    redis.call('SREM', KEYS[4], sha)
    deleted = deleted + 1
  end
end
return deleted
`

/**
 * Deletes the pieces of a geo database that nothing needs. KEYS: the heads of all kinds, then as many lists of past heads, then the
 * pieces. ARGV: the number of kinds, how many past heads keep theirs, the digest of the database. Whoever is about to name it finds
 * its last piece gone. Returns the number deleted.
 */
export const COLLECT_PIECES = `
local function digest(text)
  local ok, head = pcall(cjson.decode, text)
  return ok and type(head) == 'table' and head.sha256
end
local kinds = tonumber(ARGV[1])
for i = 1, kinds do
  local current = redis.call('GET', KEYS[i])
  if current and digest(current) == ARGV[3] then return 0 end
  for _, text in ipairs(redis.call('LRANGE', KEYS[kinds + i], 0, tonumber(ARGV[2]) - 1)) do
    if digest(text) == ARGV[3] then return 0 end
  end
end
local deleted = 0
for i = 2 * kinds + 1, #KEYS do deleted = deleted + redis.call('UNLINK', KEYS[i]) end
return deleted
`
