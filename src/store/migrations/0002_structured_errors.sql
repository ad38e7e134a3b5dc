-- Errors that older systems stored as plain text become structured ones, in the words in which they were read so far (ERR-4). Nothing
-- changes for whoever reads them, so no version advances; no error stays no error.
update chats
  set error = jsonb_build_object(
    'message', case when error #>> '{}' ~ '^\s*$' then 'The turn failed.' else error #>> '{}' end,
    'kind', 'generic')
  where jsonb_typeof(error) = 'string';

update chats
  set retry = jsonb_set(retry, '{error}', jsonb_build_object(
    'message', case when retry ->> 'error' ~ '^\s*$' then 'The turn failed.' else retry ->> 'error' end,
    'kind', 'generic'))
  where jsonb_typeof(retry -> 'error') = 'string';
