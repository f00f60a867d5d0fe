// The matrix of row level security: what each identity can do to whose rows, as the contract and
// docs/migrations have it. Whoever adds a table, view or function writes down here who may do what.
//
//   no claims, broken   authenticated, without claims and with claims that are no JSON
//   A, B                authenticated, two users with a row in every table
//   service             service_role
//   app, master, …      logins in their own name
//
//   +  done   0  no row found   -  no right   x  refused by a policy   !  refused by a constraint
//   t  a trigger's function, which its owner may call and the server does not let
//
// Two characters: on a row of A's and on one of B's (for B, the other way round), so that +0 reads
// "their own and nobody else's". Each attempt was made by a superuser, too, who can do all of them.
// access-attempts.ts has the statements.

export const ON_TABLES: Record<string, string> = {
  "public.users": `
                   no claims  broken  A  B  service  monitor  anon  migrator  app  master
select             00         00      +0 +0 --       --       --    ++        --   --
select cursor      00         00      +0 +0 --       --       --    ++        --   --
select prepared    00         00      +0 +0 --       --       --    ++        --   --
select for update  --         --      -- -- --       --       --    00        --   --
copy to            00         00      +0 +0 --       --       --    ++        --   --
insert             xx         xx      +x +x --       --       --    xx        --   --
insert returning   xx         xx      +x +x --       --       --    xx        --   --
copy from          xx         xx      xx xx --       --       --    xx        --   --
upsert             --         --      -- -- --       --       --    xx        --   --
update returning   --         --      -- -- --       --       --    00        --   --
merge              --         --      -- -- --       --       --    xx        --   --
delete             00         00      +0 +0 --       --       --    00        --   --
update email       --         --      -- -- --       --       --    00        --   --
update all         --         --      -- -- --       --       --    00        --   --
delete all         00         00      +0 +0 --       --       --    00        --   --
give away          -          -       -  -  -        -        -     0         -    -
give all away      -          -       -  -  -        -        -     0         -    -
steal              -          -       -  -  -        -        -     0         -    -
probe by key       x          x       !  !  -        -        -     x         -    -
own view           -          -       -  -  -        -        -     +         -    -
lock table         +          +       +  +  -        -        -     +         -    -
truncate           -          -       -  -  -        -        -     +         -    -
reindex            -          -       -  -  -        -        -     +         -    -
trigger            -          -       -  -  -        -        -     +         -    -
reference          0          0       0  0  0        -        -     +         -    -
switch off         -          -       -  -  -        -        -     +         -    -`,
  "public.sessions": `
                   no claims  broken  A  B  service  monitor  anon  migrator  app  master
select             00         00      +0 +0 --       --       --    ++        --   --
select cursor      00         00      +0 +0 --       --       --    ++        --   --
select prepared    00         00      +0 +0 --       --       --    ++        --   --
select for update  00         00      +0 +0 --       --       --    00        --   --
copy to            00         00      +0 +0 --       --       --    ++        --   --
insert             xx         xx      +x +x --       --       --    xx        --   --
insert returning   xx         xx      +x +x --       --       --    xx        --   --
copy from          xx         xx      xx xx --       --       --    xx        --   --
upsert             xx         xx      +x +x --       --       --    xx        --   --
update returning   00         00      +0 +0 --       --       --    00        --   --
merge              00         00      +0 +0 --       --       --    xx        --   --
delete             --         --      -- -- --       --       --    00        --   --
update end         00         00      +0 +0 --       --       --    00        --   --
update start       --         --      -- -- --       --       --    00        --   --
update all         00         00      +0 +0 --       --       --    00        --   --
delete all         --         --      -- -- --       --       --    00        --   --
give away          -          -       -  -  -        -        -     0         -    -
give all away      -          -       -  -  -        -        -     0         -    -
steal              -          -       -  -  -        -        -     0         -    -
probe by key       x          x       x  x  -        -        -     x         -    -
own view           -          -       -  -  -        -        -     +         -    -
lock table         -          -       -  -  -        -        -     +         -    -
truncate           -          -       -  -  -        -        -     +         -    -
reindex            -          -       -  -  -        -        -     +         -    -
trigger            -          -       -  -  -        -        -     +         -    -
reference          0          0       0  0  0        -        -     +         -    -
switch off         -          -       -  -  -        -        -     +         -    -`,
  "public.user_api_keys": `
                   no claims  broken  A  B  service  monitor  anon  migrator  app  master
select             00         00      +0 +0 --       --       --    00        --   --
select cursor      00         00      +0 +0 --       --       --    00        --   --
select prepared    00         00      +0 +0 --       --       --    00        --   --
select for update  00         00      +0 +0 --       --       --    00        --   --
copy to            00         00      +0 +0 --       --       --    00        --   --
insert             xx         xx      +x +x --       --       --    xx        --   --
insert returning   xx         xx      +x +x --       --       --    xx        --   --
copy from          xx         xx      xx xx --       --       --    xx        --   --
upsert             xx         xx      +x +x --       --       --    xx        --   --
update returning   00         00      +0 +0 --       --       --    00        --   --
merge              00         00      +0 +0 --       --       --    00        --   --
delete             00         00      +0 +0 --       --       --    00        --   --
update keys        00         00      +0 +0 --       --       --    00        --   --
update time        --         --      -- -- --       --       --    00        --   --
update all         00         00      +0 +0 --       --       --    00        --   --
delete all         00         00      +0 +0 --       --       --    00        --   --
give away          -          -       -  -  -        -        -     0         -    -
give all away      -          -       -  -  -        -        -     0         -    -
steal              -          -       -  -  -        -        -     0         -    -
probe by key       x          x       x  x  -        -        -     x         -    -
own view           -          -       -  -  -        -        -     0         -    -
lock table         +          +       +  +  -        -        -     +         -    -
truncate           -          -       -  -  -        -        -     +         -    -
reindex            -          -       -  -  -        -        -     +         -    -
trigger            -          -       -  -  -        -        -     +         -    -
reference          0          0       0  0  0        -        -     +         -    -
switch off         -          -       -  -  -        -        -     +         -    -`,
  "public.user_progress": `
                     no claims  broken  A  B  service  monitor  anon  migrator  app  master
select               00         00      +0 +0 ++       --       --    ++        --   --
select cursor        00         00      +0 +0 ++       --       --    ++        --   --
select prepared      00         00      +0 +0 ++       --       --    ++        --   --
select for update    00         00      +0 +0 ++       --       --    ++        --   --
copy to              00         00      +0 +0 ++       --       --    ++        --   --
insert               xx         xx      +x +x ++       --       --    ++        --   --
insert returning     xx         xx      +x +x ++       --       --    ++        --   --
copy from            xx         xx      xx xx xx       --       --    xx        --   --
upsert               xx         xx      +x +x --       --       --    ++        --   --
update returning     00         00      +0 +0 --       --       --    ++        --   --
merge                00         00      +0 +0 --       --       --    ++        --   --
delete               --         --      -- -- --       --       --    ++        --   --
update preferences   00         00      +0 +0 --       --       --    ++        --   --
update achievements  --         --      -- -- ++       --       --    ++        --   --
update counter       --         --      -- -- --       --       --    ++        --   --
update all           00         00      +0 +0 --       --       --    ++        --   --
delete all           --         --      -- -- --       --       --    ++        --   --
give away            -          -       -  -  -        -        -     +         -    -
give all away        -          -       -  -  -        -        -     +         -    -
steal                -          -       -  -  -        -        -     +         -    -
probe by key         x          x       x  x  !        -        -     !         -    -
own view             -          -       -  -  -        -        -     +         -    -
lock table           -          -       -  -  -        -        -     +         -    -
truncate             -          -       -  -  -        -        -     +         -    -
reindex              -          -       -  -  -        -        -     +         -    -
trigger              -          -       -  -  -        -        -     +         -    -
reference            0          0       0  0  0        -        -     +         -    -
switch off           -          -       -  -  -        -        -     +         -    -`,
  "public.export_history": `
                   no claims  broken  A  B  service  monitor  anon  migrator  app  master
select             00         00      +0 +0 ++       --       --    00        --   --
select cursor      00         00      +0 +0 ++       --       --    00        --   --
select prepared    00         00      +0 +0 ++       --       --    00        --   --
select for update  00         00      +0 +0 ++       --       --    00        --   --
copy to            00         00      +0 +0 ++       --       --    00        --   --
insert             xx         xx      +x +x ++       --       --    xx        --   --
insert returning   xx         xx      +x +x ++       --       --    xx        --   --
copy from          xx         xx      xx xx xx       --       --    xx        --   --
upsert             xx         xx      +x +x --       --       --    xx        --   --
update returning   00         00      +0 +0 --       --       --    00        --   --
merge              00         00      +0 +0 --       --       --    00        --   --
delete             --         --      -- -- ++       --       --    00        --   --
update filters     00         00      +0 +0 --       --       --    00        --   --
update state       --         --      -- -- ++       --       --    00        --   --
update object      --         --      -- -- ++       --       --    00        --   --
update all         00         00      +0 +0 --       --       --    00        --   --
delete all         --         --      -- -- ++       --       --    00        --   --
give away          -          -       -  -  -        -        -     0         -    -
give all away      -          -       -  -  -        -        -     0         -    -
steal              -          -       -  -  -        -        -     0         -    -
probe by key       x          x       x  x  !        -        -     x         -    -
own view           -          -       -  -  -        -        -     0         -    -
lock table         -          -       -  -  +        -        -     +         -    -
truncate           -          -       -  -  -        -        -     +         -    -
reindex            -          -       -  -  -        -        -     +         -    -
trigger            -          -       -  -  -        -        -     +         -    -
reference          0          0       0  0  0        -        -     +         -    -
switch off         -          -       -  -  -        -        -     +         -    -`,
  "public.export_archive": `
                   no claims  broken  A  B  service  monitor  anon  migrator  app  master
select             00         00      +0 +0 ++       --       --    00        --   --
select cursor      00         00      +0 +0 ++       --       --    00        --   --
select prepared    00         00      +0 +0 ++       --       --    00        --   --
select for update  --         --      -- -- ++       --       --    00        --   --
copy to            00         00      +0 +0 ++       --       --    00        --   --
insert             --         --      -- -- ++       --       --    xx        --   --
insert returning   --         --      -- -- ++       --       --    xx        --   --
copy from          --         --      -- -- xx       --       --    xx        --   --
upsert             --         --      -- -- ++       --       --    xx        --   --
update returning   --         --      -- -- ++       --       --    00        --   --
merge              --         --      -- -- ++       --       --    00        --   --
delete             --         --      -- -- ++       --       --    00        --   --
update time        --         --      -- -- ++       --       --    00        --   --
update filters     --         --      -- -- --       --       --    00        --   --
update all         --         --      -- -- ++       --       --    00        --   --
delete all         --         --      -- -- ++       --       --    00        --   --
give away          -          -       -  -  -        -        -     0         -    -
give all away      -          -       -  -  -        -        -     0         -    -
steal              -          -       -  -  -        -        -     0         -    -
probe by key       -          -       -  -  !        -        -     x         -    -
own view           -          -       -  -  -        -        -     0         -    -
lock table         -          -       -  -  +        -        -     +         -    -
truncate           -          -       -  -  -        -        -     +         -    -
reindex            -          -       -  -  -        -        -     +         -    -
trigger            -          -       -  -  -        -        -     +         -    -
reference          0          0       0  0  0        -        -     +         -    -
switch off         -          -       -  -  -        -        -     +         -    -`,
  "public.export_object_deletions": `
                   no claims  broken  A  B  service  monitor  anon  migrator  app  master
select             --         --      -- -- ++       --       --    ++        --   --
select cursor      --         --      -- -- ++       --       --    ++        --   --
select prepared    --         --      -- -- ++       --       --    ++        --   --
select for update  --         --      -- -- ++       --       --    00        --   --
copy to            --         --      -- -- ++       --       --    ++        --   --
insert             --         --      -- -- ++       --       --    ++        --   --
insert returning   --         --      -- -- ++       --       --    ++        --   --
copy from          --         --      -- -- xx       --       --    xx        --   --
upsert             --         --      -- -- ++       --       --    xx        --   --
update returning   --         --      -- -- ++       --       --    00        --   --
merge              --         --      -- -- ++       --       --    xx        --   --
delete             --         --      -- -- ++       --       --    00        --   --
update claim       --         --      -- -- ++       --       --    00        --   --
update all         --         --      -- -- ++       --       --    00        --   --
delete all         --         --      -- -- ++       --       --    00        --   --
give away          -          -       -  -  -        -        -     0         -    -
give all away      -          -       -  -  -        -        -     0         -    -
steal              -          -       -  -  -        -        -     0         -    -
probe by key       -          -       -  -  !        -        -     !         -    -
own view           -          -       -  -  -        -        -     +         -    -
lock table         -          -       -  -  +        -        -     +         -    -
truncate           -          -       -  -  -        -        -     +         -    -
reindex            -          -       -  -  -        -        -     +         -    -
trigger            -          -       -  -  -        -        -     +         -    -
reference          0          0       0  0  0        -        -     +         -    -
switch off         -          -       -  -  -        -        -     +         -    -`,
};

export const COLUMNS: Record<string, string[]> = {
  "public.users": ["A: select all", "A: insert id, email"],
  "public.sessions": [
    "A: select all",
    "A: insert id, user_id, started_at",
    "A: update ended_at, descriptions_count, images_count, questions_count, vocabulary_count",
  ],
  "public.user_api_keys": [
    "A: select all",
    "A: insert user_id, encrypted_keys, encryption_key_id, is_active, last_validated_at",
    "A: update encrypted_keys, encryption_key_id, is_active, last_validated_at",
  ],
  "public.user_progress": [
    "A: select all",
    "A: insert user_id, preferences",
    "A: update preferences",
    "service: select all",
    "service: insert user_id",
    "service: update achievements",
  ],
  "public.export_history": [
    "A: select all",
    "A: insert user_id, export_type, format, filters",
    "A: update filters",
    "service: select all",
    "service: insert user_id, export_type, format, filters",
    "service: update status, storage_bucket, storage_key, file_size_bytes, row_count, checksum_sha256, error_message, started_at, completed_at, expires_at, download_count",
  ],
  "public.export_archive": [
    "A: select all",
    "service: select all",
    "service: insert id, user_id, export_type, format, status, file_size_bytes, row_count, checksum_sha256, filters, error_message, started_at, completed_at, expires_at, download_count, created_at, updated_at",
    "service: update archived_at",
  ],
  "public.export_object_deletions": [
    "service: select all",
    "service: insert storage_bucket, storage_key",
    "service: update claimed_at, attempts",
  ],
};

export const ON_VIEWS = `
                                        no claims  broken  A  B  service  monitor  anon  migrator  app  master
public.progress_trends                  00         00      +0 +0 --       --       --    ++        --   --
public.activity_by_day                  -          -       -  -  +        -        -     +         -    -
public.activity_by_week                 -          -       -  -  +        -        -     +         -    -
public.retention_by_cohort              -          -       -  -  +        -        -     +         -    -
public.vocabulary_growth                -          -       -  -  +        -        -     +         -    -
monitoring.changed_protection           -          -       -  -  -        +        -     +         -    -
monitoring.indexes                      -          -       -  -  -        +        -     +         -    -
monitoring.notes                        -          -       -  -  -        +        -     +         -    -
monitoring.statements                   -          -       -  -  -        +        -     +         -    -
monitoring.tables                       -          -       -  -  -        +        -     +         -    -
monitoring.tables_without_row_security  -          -       -  -  -        +        -     +         -    -
monitoring.transaction_ids              -          -       -  -  -        +        -     +         -    -
monitoring.triggers                     -          -       -  -  -        +        -     +         -    -
monitoring.waiting_locks                -          -       -  -  -        +        -     +         -    -`;

export const FUNCTIONS = `
                                                        no claims  broken  A  B  service  monitor  anon  migrator  app  master
auth.tokens_required()                                  +          +       +  +  +        -        -     +         -    -
auth.uid()                                              +          +       +  +  +        -        -     +         -    -
auth.verified_uid()                                     +          +       +  +  +        -        -     +         -    -
monitoring.read_changes()                               -          -       -  -  -        +        -     +         -    -
monitoring.read_statements()                            -          -       -  -  -        +        -     +         -    -
monitoring.read_waits()                                 -          -       -  -  -        +        -     +         -    -
monitoring.report()                                     -          -       -  -  -        +        -     +         -    -
public.archive_exports(interval '1 day', 1)             -          -       -  -  +        -        -     +         -    -
public.check_export_transition()                        -          -       -  -  -        -        -     t         -    -
public.claim_export_object_deletions(1)                 -          -       -  -  +        -        -     +         -    -
public.delete_archived_exports(interval '1 day', 1)     -          -       -  -  +        -        -     +         -    -
public.expire_exports(1)                                -          -       -  -  +        -        -     +         -    -
public.fail_stalled_exports(1)                          -          -       -  -  +        -        -     +         -    -
public.queue_export_object_deletion()                   -          -       -  -  -        -        -     t         -    -
public.queue_unnamed_export_objects('bucket', '{key}')  -          -       -  -  +        -        -     +         -    -
public.refresh_progress_analytics()                     -          -       -  -  +        -        -     +         -    -
public.smallest_reported_group()                        -          -       -  -  -        -        -     +         -    -
public.update_export_history_updated_at()               -          -       -  -  -        -        -     t         -    -
public.update_user_api_keys_updated_at()                -          -       -  -  -        -        -     t         -    -
public.update_user_progress_from_session()              -          -       -  -  -        -        -     t         -    -
public.update_user_progress_updated_at()                -          -       -  -  -        -        -     t         -    -
public.users_after(gen_random_uuid(), 1)                -          -       -  -  +        -        -     +         -    -`;

export const AROUND = `
                      no claims  broken  A  B  service  monitor  anon  migrator  app  master
row_security off      x          x       x  x  x        -        -     x         -    -
triggers off          -          -       -  -  -        -        -     -         -    -
server program        -          -       -  -  -        -        -     -         -    -
names in public       +          +       +  +  +        -        -     +         -    -
names in auth         +          +       +  +  +        -        -     +         -    -
names in monitoring   -          -       -  -  -        +        -     +         -    -
table in public       -          -       -  -  -        -        -     +         -    -
table in auth         -          -       -  -  -        -        -     +         -    -
table in monitoring   -          -       -  -  -        -        -     +         -    -
temporary table       -          -       -  -  -        -        -     +         -    -
new schema            -          -       -  -  -        -        -     +         -    -
definer function      -          -       -  -  -        -        -     +         -    -
other auth.uid()      -          -       -  -  -        -        -     +         -    -
become anon           +          +       +  +  +        -        +     -         +    -
become authenticated  +          +       +  +  +        -        +     -         +    -
become service_role   +          +       +  +  +        -        +     -         +    -
become migrator       -          -       -  -  -        -        -     +         -    -
become monitor        -          -       -  -  -        +        -     -         -    -
bypass as app         -          -       -  -  -        -        -     -         -    -`;
