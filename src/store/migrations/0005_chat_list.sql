-- The list of chats as something that changes: the transaction that last changed what it shows of a chat. Triggers write it, so that
-- no statement can forget to, and they ask the values: a transition that only hands a lease over tells a list nothing.
alter table chats add column list_xid xid8 not null default pg_current_xact_id();

create index chats_by_list_change on chats (owner, list_xid, id);

create function chats_note_list_change() returns trigger language plpgsql as $$
begin
  new.list_xid := pg_current_xact_id();
  return new;
end
$$;

create trigger chats_list_change before update on chats for each row
  when (
    (old.title, old.labels, old.archived, old.pinned, old.model, old.status, old.error, old.retry, old.action_deadline, old.updated_at)
      is distinct from
      (new.title, new.labels, new.archived, new.pinned, new.model, new.status, new.error, new.retry, new.action_deadline, new.updated_at)
    -- A running chat that nobody owns is pending.
    or (old.worker_id is null) <> (new.worker_id is null)
    or (new.status = 'requires_action' and old.open_calls is distinct from new.open_calls)
  )
  execute function chats_note_list_change();

-- Chats that are no more, for whoever comes back with an older view of the list.
create table deleted_chats (
  chat_id uuid primary key,
  owner text not null,
  list_xid xid8 not null default pg_current_xact_id(),
  deleted_at timestamptz not null default clock_timestamp()
);

create index deleted_chats_by_list_change on deleted_chats (owner, list_xid, chat_id);
create index deleted_chats_by_age on deleted_chats (deleted_at);

create function chats_note_deletion() returns trigger language plpgsql as $$
begin
  insert into deleted_chats (chat_id, owner) values (old.id, old.owner)
    on conflict (chat_id) do update set owner = excluded.owner, list_xid = excluded.list_xid, deleted_at = excluded.deleted_at;
  return null;
end
$$;

create trigger chats_deletion after delete on chats for each row execute function chats_note_deletion();

-- The latest deletion whose row in deleted_chats was removed: whoever has not seen it cannot be told everything any more. One row.
create table deleted_chats_horizon (
  one boolean primary key default true check (one),
  list_xid xid8 not null
);

insert into deleted_chats_horizon (list_xid) values ('0');
