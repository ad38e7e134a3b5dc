-- Uploaded files.
create table files (
  id uuid primary key,
  owner text not null,
  name text not null,
  media_type text not null,
  size_bytes integer not null,
  data bytea not null,
  -- A message has named it: from then on it lives as long as the chats that it belongs to.
  named boolean not null default false,
  created_at timestamptz not null default now()
);

-- Never compressed: a range of the bytes is read without the rest, and what people upload is compressed already.
alter table files alter column data set storage external;

-- What counts against the bound on uploads, and what is removed after a day.
create index files_unnamed on files (owner, created_at) where not named;

-- Which chats name which files, in their history or their queue, also in what an edit has hidden since.
create table chat_files (
  chat_id uuid not null references chats (id) on delete cascade,
  file_id uuid not null references files (id) on delete cascade,
  primary key (chat_id, file_id)
);

create index chat_files_by_file on chat_files (file_id);
