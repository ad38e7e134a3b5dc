-- Chats. One row is all that the chat machine needs to know of a chat but its queue and its checkpoint.
create table chats (
  id uuid primary key,
  owner text not null,
  title text not null,
  labels jsonb not null default '{}',
  archived boolean not null default false,
  pinned boolean not null default false,
  model text not null,
  status text not null check (status in ('running', 'interrupting', 'requires_action', 'waiting', 'error')),
  error jsonb,
  retry jsonb,
  action_deadline timestamptz,
  -- Tool calls without a result: [{tool_call_id, tool_name, args_json?, started_at?}].
  open_calls jsonb not null default '[]',
  compaction_requested boolean not null default false,
  -- The replica that runs the turn, and the fencing token of its lease.
  worker_id uuid,
  lease_epoch bigint not null default 0,
  snapshot_version bigint not null,
  history_version bigint not null,
  queue_version bigint not null,
  retry_version bigint not null,
  metadata_version bigint not null,
  reset_version bigint not null default 0,
  generation_attempt integer not null default 0,
  last_message_id bigint not null default 0,
  last_queue_id bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint chats_error_matches_status check ((error is not null) = (status = 'error')),
  constraint chats_owned_only_in_turns check (worker_id is null or status in ('running', 'interrupting')),
  constraint chats_archived_only_idle check (not archived or status in ('waiting', 'error'))
);

create index chats_by_owner on chats (owner, pinned desc, updated_at desc, id);
-- What workers look for; small, because few chats run at a time.
create index chats_with_work on chats (updated_at) where status in ('running', 'interrupting');
create index chats_awaiting_action on chats (action_deadline) where status = 'requires_action';

-- History. Append-only; an edit hides a suffix (MSG-3).
create table messages (
  chat_id uuid not null references chats (id) on delete cascade,
  id bigint not null,
  revision bigint not null,
  role text not null,
  content jsonb,
  content_version smallint not null,
  visibility text not null default 'both' check (visibility in ('both', 'user', 'model')),
  compressed boolean not null default false,
  hidden_at timestamptz,
  interrupted boolean not null default false,
  model text,
  author text,
  usage jsonb,
  created_at timestamptz not null default now(),
  primary key (chat_id, id)
);

create index messages_by_revision on messages (chat_id, revision) where hidden_at is null;

-- User messages that wait for their turn.
create table queued_messages (
  chat_id uuid not null references chats (id) on delete cascade,
  id bigint not null,
  position bigint not null,
  content jsonb not null,
  content_version smallint not null,
  model text not null,
  author text not null,
  created_at timestamptz not null default now(),
  primary key (chat_id, id)
);

-- What the running attempt of a chat has produced so far. In a table of its own, because it changes often.
create table checkpoints (
  chat_id uuid primary key references chats (id) on delete cascade,
  history_version bigint not null,
  generation_attempt integer not null,
  role text not null,
  content jsonb not null,
  content_version smallint not null,
  model text,
  usage jsonb,
  updated_at timestamptz not null default now()
);

-- Running replicas. A heartbeat is one row per replica, however many chats it runs.
create table replicas (
  id uuid primary key,
  advertised_url text not null default '',
  version text not null,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now()
);

-- Results of requests that carried an idempotency key, for at least 24 hours (MSG-4).
create table idempotency_keys (
  owner text not null,
  key text not null,
  -- SHA-256 of the method and the request.
  request_hash bytea not null,
  -- The response, as protobuf.
  response bytea not null,
  created_at timestamptz not null default now(),
  primary key (owner, key)
);

create index idempotency_keys_by_age on idempotency_keys (created_at);

create table api_tokens (
  id text primary key,
  name text not null,
  owner text not null,
  role text not null check (role in ('user', 'admin')),
  secret_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
