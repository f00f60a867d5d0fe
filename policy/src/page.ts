/** Where a policy's page is, from the root of the repository. */
export function page(name: string): string {
  return `docs/policies/${name}.md`;
}
