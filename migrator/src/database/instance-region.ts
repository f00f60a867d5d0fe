/** AWS region in the name of an instance (`app.c9akciq32.eu-central-1.rds.amazonaws.com`), if it is one. */
export function regionOfInstance(name: string): string | undefined {
  return /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com\.?$/.exec(name)?.[1];
}
