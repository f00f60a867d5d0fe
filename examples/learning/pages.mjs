// The pages. `html` of Hono escapes whatever is put into it.
import { html } from "hono/html";

const STYLE = `
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
  nav, form { display: flex; gap: .75rem; flex-wrap: wrap; align-items: center; margin: .5rem 0; }
  table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .5rem; }
  tr + tr { border-top: 1px solid #8884; } .error { border-left: 4px solid #c33; padding-left: 1rem; }
  input { font: inherit; max-width: 12rem; } button { font: inherit; }`;

/** A page, for somebody who is signed in or for nobody. */
export function page(title, person, content) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Learning</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        ${person && navigation(person)}
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`;
}

function navigation({ name }) {
  return html`<nav>
    <a href="/learn">Learn</a> <a href="/keys">API keys</a> <a href="/exports">Exports</a>
    <a href="/account">Account</a>
    <form method="post" action="/sign-out"><button>Sign out ${name}</button></form>
  </nav>`;
}

export const signInPage = (people) =>
  page(
    "Sign in",
    undefined,
    html`<p>Two people can sign in here. Neither sees anything of the other.</p>
      ${Object.entries(people).map(
        ([key, { name }]) =>
          html`<form method="post" action="/sign-in">
            <input type="hidden" name="person" value="${key}" />
            <button>Sign in as ${name}</button>
          </form>`,
      )}`,
  );

export const learnPage = (person, sessions, progress) =>
  page(
    "Learn",
    person,
    html`<dl id="progress">
        <dt>Sessions</dt>
        <dd id="total-sessions">${progress?.total_sessions ?? 0}</dd>
        <dt>Words learnt</dt>
        <dd id="total-vocabulary">${progress?.total_vocabulary ?? 0}</dd>
        <dt>Days in a row</dt>
        <dd id="streak">${progress?.current_streak_days ?? 0}</dd>
      </dl>
      <form method="post" action="/sessions"><button>Start a session</button></form>
      <table id="sessions">
        <tr>
          <th>Started</th>
          <th>Words</th>
          <th></th>
        </tr>
        ${sessions.map(
          ({ id, started_at, ended_at, vocabulary_count }) =>
            html`<tr data-id="${id}">
              <td>${started_at}</td>
              <td>${vocabulary_count}</td>
              <td>
                ${
                  ended_at === null
                    ? html`<form method="post" action="/sessions/${id}/complete">
                        <label
                          >Words <input name="vocabulary" type="number" min="0" value="5"
                        /></label>
                        <button>Complete</button>
                      </form>`
                    : "completed"
                }
              </td>
            </tr>`,
        )}
      </table>`,
  );

export const keysPage = (person, keys) =>
  page(
    "API keys",
    person,
    html`<table id="keys">
        <tr>
          <th>Provider</th>
          <th>Since</th>
          <th></th>
        </tr>
        ${keys.map(
          ({ provider, createdAt }) =>
            html`<tr>
              <td>${provider}</td>
              <td>${createdAt}</td>
              <td>
                <form method="post" action="/keys/${provider}/test"><button>Test</button></form>
                <form method="post" action="/keys/${provider}/delete"><button>Delete</button></form>
              </td>
            </tr>`,
        )}
      </table>
      <form method="post" action="/keys">
        <label>Provider <input name="provider" value="example" required /></label>
        <label>Key <input name="secret" type="password" autocomplete="off" required /></label>
        <button>Store</button>
      </form>`,
  );

export const testedPage = (person, message) =>
  page("API keys", person, html`<p id="tested">${message}</p>`);

export const exportsPage = (person, exports) =>
  page(
    "Exports",
    person,
    html`<form method="post" action="/exports">
        <label>
          Format
          <select name="format">
            <option>jsonl</option>
            <option>csv</option>
          </select>
        </label>
        <button>Export everything</button>
      </form>
      <table id="exports">
        <tr>
          <th>Requested</th>
          <th>State</th>
          <th>Downloads</th>
          <th></th>
        </tr>
        ${exports.map(
          ({ id, created_at, status, download_count }) =>
            html`<tr data-id="${id}" data-status="${status}">
              <td>${created_at}</td>
              <td>${status}</td>
              <td>${download_count}</td>
              <td>
                ${status === "completed" && html`<a href="/exports/${id}/download">Download</a>`}
              </td>
            </tr>`,
        )}
      </table>`,
  );

export const accountPage = (person) =>
  page(
    "Account",
    person,
    html`<p>This deletes every session, key and export of ${person.email}, and the files in S3.</p>
      <form method="post" action="/account/delete"><button>Delete my account</button></form>`,
  );

export const errorPage = (person, title, message) =>
  page(title, person, html`<p class="error">${message}</p>`);
