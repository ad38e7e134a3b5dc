import pg from "pg";

export interface Filling {
  /** A multiple of 100: what chats are like repeats after so many. */
  readonly chats: number;
  /** On average; a multiple of 4. One chat in five has six times as many as each of the others. */
  readonly messagesPerChat: number;
  /** Has two of five chats. The others belong to owners with about ten each. */
  readonly owner: string;
  /** Told of each part that is done. */
  readonly progress?: (done: string) => void;
}

/**
 * Fills a migrated database with chats as if they had been used for three months: what the chat machine would have written, as to versions,
 * counters, revisions and content. Nothing runs, so a replica finds nothing to do. May be called again for more. Nobody else uses the database
 * meanwhile, and the role owns its tables.
 *
 * Everything is made by the server itself: no row crosses the connection, which COPY would want. The messages of a chat lie as far apart as if
 * all chats had been used side by side, and indexes grow row by row, as they do in use. All or nothing is stored, and the
 * planner knows of it afterwards.
 */
export async function fillDatabase(url: string, filling: Filling): Promise<void> {
  const { chats, messagesPerChat, owner, progress = () => undefined } = filling;
  if (chats % 100 !== 0 || messagesPerChat % 4 !== 0)
    throw new RangeError("chats come by the hundred, messages by the four");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; begin");
    // To look for the chat of each message by itself would take as long as all the rest.
    const { rows } = await client.query<{ name: string; definition: string }>(findReferences);
    for (const { name } of rows) await client.query(`alter table messages drop constraint ${name}`);
    await client.query(makePlan, [chats, messagesPerChat, owner]);
    await client.query("analyze filling");
    await client.query(insertChats);
    await client.query(insertQueues);
    progress(`${chats} chats`);
    let messages = 0;
    const longest = messagesPerChat * 1.5;
    for (let turn = 1; turn <= longest; turn += turnsAtOnce) {
      const { rowCount } = await client.query(insertMessages, [turn, turn + turnsAtOnce - 1, words]);
      messages += rowCount ?? 0;
      progress(`${messages} messages`);
    }
    // This looks for all of them at once.
    for (const { name, definition } of rows)
      await client.query(`alter table messages add constraint ${name} ${definition}`);
    await client.query("commit");
    await client.query("vacuum (analyze) chats, messages, queued_messages");
    progress("vacuumed and analyzed");
  } finally {
    await client.end();
  }
}

/** Between two of them no chat is further ahead than this. */
const turnsAtOnce = 5;

const words = Array.from(
  { length: 8 },
  () =>
    "The harbour was quiet when the last ferry came in, and nobody asked who had sent the letters. Rain is expected in the hills by noon, so take " +
    "the lower road and leave the gate as you found it. Of the seven drafts only the third was ever read aloud. ",
).join("");

const findReferences = `
  select quote_ident(conname) as name, pg_get_constraintdef(oid) as definition from pg_constraint
    where conrelid = 'messages'::regclass and contype = 'f'`;

/**
 * What each chat will be like. `ended`: how its last turn did: it committed an answer, it failed, or it waits for a result of the client. The
 * order of ids is not that of ages, and rows are inserted in the order of ids.
 */
const makePlan = `
  create temporary table filling on commit drop as
    select gen_random_uuid() as id, n, case when n / 5 % 5 < 2 then $3::text else 'owner ' || n % greatest($1::int / 16, 1) end as owner,
      $2::int / 4 * case when n % 5 = 0 then 6 else 1 end as turns,
      case n % 100 when 6 then 'failed' when 31 then 'failed' when 56 then 'called' when 81 then 'called' else 'answered' end as ended,
      case when n % 100 in (31, 81) then 2 else 0 end as queued,
      n % 20 = 3 as archived, n % 100 = 9 as pinned,
      now() - random() * interval '90 days' - $2::int * interval '1 minute' as created_at
    from generate_series(0, $1::int - 1) n order by 1`;

/**
 * A turn is five transitions, Send, Acquire, BeginAttempt, CommitStep and FinishTurn, after the one that created the chat. One that
 * fails commits nothing and ends with the fourth. What was queued came before that, or after the turn began to wait.
 */
const sent = "5 * turns - 3";
const committed = "5 * turns";
const over = "(5 * turns + case ended when 'failed' then 0 else 1 end)";
const messagesOf = "(2 * turns - case ended when 'failed' then 1 else 0 end)";
const callOf = "'call-' || n";
const callArguments = `'{"question":"Which one?"}'`;

const insertChats = `
  insert into chats (id, owner, title, labels, archived, pinned, model, status, error, action_deadline, open_calls, lease_epoch,
      snapshot_version, history_version, queue_version, retry_version, metadata_version, generation_attempt, last_message_id, last_queue_id,
      created_at, updated_at)
    select id, owner, 'Chat number ' || n, case when n % 4 = 1 then jsonb_build_object('team', 'team ' || n % 50) else '{}' end,
      archived, pinned, 'scripted/default',
      case ended when 'failed' then 'error' when 'called' then 'requires_action' else 'waiting' end,
      case ended when 'failed' then '{"message":"The model is overloaded.","kind":"overloaded","provider":"scripted"}'::jsonb end,
      case ended when 'called' then now() + interval '30 days' end,
      case ended when 'called' then jsonb_build_array(jsonb_build_object('tool_call_id', ${callOf}, 'tool_name', 'ask', 'args_json', ${callArguments}))
        else '[]' end,
      turns,
      ${over} + queued + archived::int + pinned::int,
      case ended when 'failed' then ${sent} else ${committed} end,
      case when queued = 0 then 1 when ended = 'failed' then ${over} + queued - 1 else ${over} + queued end, 1,
      case when archived or pinned then ${over} + queued + archived::int + pinned::int else 1 end,
      case ended when 'failed' then 1 else 0 end, ${messagesOf}, queued,
      created_at, created_at + ${messagesOf} * interval '10 seconds'
    from filling`;

const insertQueues = `
  insert into queued_messages (chat_id, id, position, content, content_version, model, author)
    select id, item, item, '[{"type":"text","text":"And then?"}]', 2, 'scripted/default', owner
    from filling cross join generate_series(1, queued) item`;

/** Of these turns; see above for the revisions. */
const insertMessages = `
  insert into messages (chat_id, id, revision, role, content, content_version, model, author, usage, created_at)
    select f.id, 2 * turn - 1 + side, 5 * turn - 3 + 3 * side, case side when 0 then 'user' else 'assistant' end,
      case when side = 1 and turn = turns and ended = 'called'
        then jsonb_build_array(jsonb_build_object('type', 'tool-call', 'tool_call_id', ${callOf}, 'tool_name', 'ask', 'args_json', ${callArguments}))
        else jsonb_build_array(jsonb_build_object('type', 'text',
          'text', substr($3::text, 1 + (n * 31 + turn * 17 + side * 7) % 1000, 60 + (n * 7 + turn * 13) % 60 + side * 40))) end,
      2, 'scripted/default', case side when 0 then owner end,
      case side when 1 then '{"input_tokens":900,"output_tokens":40,"total_tokens":940,"runtime_ms":1200}'::jsonb end,
      created_at + (2 * turn - 1 + side) * interval '10 seconds'
    from filling f cross join generate_series($1::int, $2::int) turn cross join generate_series(0, 1) side
    where turn <= turns and (side = 0 or turn < turns or ended <> 'failed')`;
