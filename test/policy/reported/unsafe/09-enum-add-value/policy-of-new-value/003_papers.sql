alter type public.paper_state add value 'printed';
create policy papers_read on public.papers for select to authenticated
  using (author = (select auth.uid()) or state = 'printed');
