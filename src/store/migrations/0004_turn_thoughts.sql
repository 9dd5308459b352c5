-- The reasoning of answers with tool calls, for clients that send the calls back without it. Sealed under a key made
-- from the call's id, which is not here: the name is only its digest (docs/decisions/0013-unechoed-reasoning.md).
CREATE TABLE turn_thoughts (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  sealed TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
CREATE INDEX turn_thoughts_expires_at ON turn_thoughts (expires_at);
