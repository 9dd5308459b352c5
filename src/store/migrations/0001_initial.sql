-- One text for SQLite and PostgreSQL. Times are epoch milliseconds, money is nano-USD, booleans are 0 or 1.

CREATE TABLE tenants (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  -- SHA-256 of the secret in hex; the secret itself is stored nowhere.
  key_hash TEXT NOT NULL UNIQUE,
  key_prefix TEXT NOT NULL,
  description TEXT,
  rate_limit_rpm BIGINT,
  rate_limit_rpd BIGINT,
  rate_limit_tpm BIGINT,
  concurrency_max BIGINT,
  budget_nano_usd BIGINT,
  budget_period TEXT CHECK (budget_period IN ('day', 'month', 'total')),
  -- A JSON array of logical models; NULL allows all.
  models_allowed TEXT,
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT,
  rotated_from TEXT,
  CHECK ((budget_nano_usd IS NULL) = (budget_period IS NULL))
);
CREATE INDEX api_keys_tenant_id ON api_keys (tenant_id, created_at);
CREATE INDEX api_keys_created_at ON api_keys (created_at);

-- One row per request and one per attempt that reached an upstream. No foreign keys: a bill outlives its key.
CREATE TABLE usage_logs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('request', 'attempt')),
  request_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  logical_model TEXT NOT NULL,
  target TEXT,
  provider TEXT,
  served_model TEXT,
  protocol_in TEXT NOT NULL,
  protocol_out TEXT,
  is_stream INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER NOT NULL,
  error_kind TEXT,
  input_tokens BIGINT,
  cache_read_tokens BIGINT,
  cache_write_tokens BIGINT,
  cache_write_1h_tokens BIGINT,
  output_tokens BIGINT,
  reasoning_tokens BIGINT,
  audio_input_tokens BIGINT,
  audio_output_tokens BIGINT,
  image_input_tokens BIGINT,
  image_output_tokens BIGINT,
  tool_prompt_tokens BIGINT,
  prediction_accepted_tokens BIGINT,
  prediction_rejected_tokens BIGINT,
  web_searches BIGINT,
  cost_reported_nano_usd BIGINT,
  service_tier TEXT,
  is_estimated INTEGER NOT NULL,
  -- NULL while the price is unknown, which is not zero.
  cost_nano_usd BIGINT,
  cost_source TEXT NOT NULL,
  price_version TEXT,
  first_token_ms BIGINT,
  total_ms BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  tags TEXT,
  dropped TEXT,
  created_at BIGINT NOT NULL
);
CREATE INDEX usage_logs_created_at ON usage_logs (created_at);
CREATE INDEX usage_logs_tenant_id ON usage_logs (tenant_id, created_at);
-- Restoring a key's budget reads this index alone.
CREATE INDEX usage_logs_key_id ON usage_logs (key_id, kind, created_at, cost_nano_usd);

-- Tokens and cost come from request rows only: a request's cost is already the sum of its attempts'.
CREATE VIEW usage_summary AS
SELECT
  tenant_id,
  key_id,
  logical_model,
  target,
  created_at - created_at % 86400000 AS day_start,
  COUNT(*) FILTER (WHERE kind = 'request') AS requests,
  COUNT(*) FILTER (WHERE kind = 'attempt') AS attempts,
  COUNT(*) FILTER (WHERE kind = 'request' AND outcome <> 'ok') AS requests_not_ok,
  CAST(COALESCE(SUM(input_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS input_tokens,
  CAST(COALESCE(SUM(cache_read_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS cache_read_tokens,
  CAST(COALESCE(SUM(cache_write_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS cache_write_tokens,
  CAST(COALESCE(SUM(output_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS output_tokens,
  CAST(COALESCE(SUM(reasoning_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS reasoning_tokens,
  CAST(COALESCE(SUM(cost_nano_usd) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS cost_nano_usd,
  -- Requests that reached an upstream whose price nobody knows: the cost above is without them.
  COUNT(*) FILTER (WHERE kind = 'request' AND cost_nano_usd IS NULL AND cost_source = 'unknown') AS cost_unknown_requests
FROM usage_logs
GROUP BY tenant_id, key_id, logical_model, target, created_at - created_at % 86400000;

-- The gateway's own secrets, e.g. what seals opaque blobs, made at first use.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
