-- What clients were shown of running steps, written at short intervals, each row what was new since the one before. Rows of any other
-- attempt than the chat's present one are void; the next write of the chat drops them.
create table checkpoint_deltas (
  chat_id uuid not null references chats (id) on delete cascade,
  history_version bigint not null,
  generation_attempt integer not null,
  first_seq bigint not null,
  last_seq bigint not null,
  -- Events of these deltas, as protobuf.
  deltas bytea not null,
  primary key (chat_id, history_version, generation_attempt, first_seq),
  constraint checkpoint_deltas_not_empty check (first_seq between 1 and last_seq)
);

-- Rows live for seconds: what they leave behind is cleaned up early.
alter table checkpoint_deltas set (autovacuum_vacuum_scale_factor = 0.05);
