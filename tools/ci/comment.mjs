// node tools/ci/comment.mjs STACK FILE: puts a file as a comment on the pull request, in place of the one
// of the last run. Reads GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN and PULL_REQUEST.
import { readFileSync } from "node:fs";
import { marker } from "./preview-comment.mjs";

const PAGE = 100;

/** @returns {Promise<any>} what GitHub answers. */
async function request(method, place, body) {
  const url = `${process.env.GITHUB_API_URL ?? "https://api.github.com"}/repos/${process.env.GITHUB_REPOSITORY}/${place}`;
  const response = await fetch(url, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${process.env.GITHUB_TOKEN}`,
      "content-type": "application/json",
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`GitHub answered ${response.status} to ${method} ${place}.`);
  return response.json();
}

async function findComment(number, mark) {
  for (let page = 1; ; page += 1) {
    const place = `issues/${number}/comments?per_page=${PAGE}&page=${page}`;
    const comments = await request("GET", place);
    const found = comments.find(({ body }) => body?.startsWith(mark));
    if (found || comments.length < PAGE) return found;
  }
}

/** @param {string[]} args */
async function main([stack, file, ...rest]) {
  const number = process.env.PULL_REQUEST;
  if (!stack || !file || rest.length > 0 || !/^\d+$/.test(number ?? "")) {
    console.error("Usage: PULL_REQUEST=NUMBER node tools/ci/comment.mjs STACK FILE");
    return 2;
  }
  const body = readFileSync(file, "utf8");
  const existing = await findComment(number, marker(stack));
  if (existing) await request("PATCH", `issues/comments/${existing.id}`, { body });
  else await request("POST", `issues/${number}/comments`, { body });
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
