-- Answers of the Responses API that a client may refer to by `previous_response_id`, each with what was new in its own
-- input. A conversation is the chain of them, so deleting one removes its text for good.
CREATE TABLE stored_responses (
  tenant_id TEXT NOT NULL,
  -- As the client saw it; an upstream's own id in the native lane, hence unique for a tenant only.
  id TEXT NOT NULL,
  previous_id TEXT,
  -- The connector whose upstream keeps the state, where it is not kept here alone.
  connector TEXT,
  model TEXT NOT NULL,
  -- JSON: the list of new input items, and the Response object.
  input TEXT NOT NULL,
  response TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX stored_responses_expires_at ON stored_responses (expires_at);
