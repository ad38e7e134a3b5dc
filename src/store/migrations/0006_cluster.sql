-- What replicas tell of themselves with each heartbeat: how many turns they run, of how many they can, and what their clock says.
alter table replicas
  add column capacity integer not null default 0,
  add column turns integer not null default 0,
  add column clock_at timestamptz;

-- What the replicas of a cluster have in common and nobody else may know: whoever reads the database knows everything anyway.
create table cluster_secrets (
  name text primary key,
  secret text not null,
  created_at timestamptz not null default now()
);
