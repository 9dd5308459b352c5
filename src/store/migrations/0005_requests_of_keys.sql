-- What a key spent and how much it asked is read from its requests alone, so attempts, half of all rows, are no longer in
-- this index. Restoring a key's budget still reads nothing else.
DROP INDEX usage_logs_key_id;
CREATE INDEX usage_logs_key_id ON usage_logs (key_id, created_at, cost_nano_usd) WHERE kind = 'request';
