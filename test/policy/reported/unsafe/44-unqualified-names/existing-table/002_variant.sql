alter table sessions add column weather text;
