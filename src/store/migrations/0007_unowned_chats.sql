-- What every worker looks for whenever somebody says something: chats with work that nobody has. They are few, however many chats run.
create index chats_unowned on chats (updated_at) where worker_id is null and status in ('running', 'interrupting');
