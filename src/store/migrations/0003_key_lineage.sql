-- A key and those it was rotated into share one set of limits, so they are looked up from either end.
CREATE INDEX api_keys_rotated_from ON api_keys (rotated_from) WHERE rotated_from IS NOT NULL;
