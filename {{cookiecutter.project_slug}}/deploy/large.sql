-- What a large table of events needs; best run while it is small:
--   psql "$DB_URL" -f deploy/large.sql

-- Rasa numbers events up to 2 147 483 647, and can store no more after that.
ALTER TABLE events ALTER COLUMN id TYPE bigint;
ALTER SEQUENCE events_id_seq AS bigint;

-- Finds the latest session in a conversation of many.
CREATE INDEX IF NOT EXISTS events_of_sender ON events (sender_id, type_name, id);

-- Finds what is old: see "Archiving" in capacity.md.
CREATE INDEX IF NOT EXISTS events_by_time ON events USING brin (timestamp);
