// Programs of the project that checks run.
import { execFile } from "node:child_process";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";
import { failed, ok } from "./checks.mjs";

const MOST_OUTPUT = 256 * 1024 * 1024;

/**
 * Runs a program of the project to its end.
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<{ code: number, out: string, err: string }>}
 */
export function runProgram(program, args) {
  const options = { cwd: PROJECT, env: process.env, maxBuffer: MOST_OUTPUT };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(PROJECT, program), ...args],
      options,
      (error, out, err) => {
        resolve({ code: error ? Number(error.code) || 1 : 0, out, err });
      },
    );
  });
}

/** Runs the migrator. @param {string[]} args */
export const runMigrator = (args) => runProgram("migrator/bin/migrator.mjs", args);

/**
 * The verdict of a program that ends with 0 where all is well.
 * @param {{ code: number, out: string, err: string }} run
 * @param {string} says what holds then.
 */
export function verdictOf({ code, out, err }, says) {
  if (code === 0) return ok(says);
  return failed(withoutSource(err.trim() || out.trim()) || `It ended with ${code}.`);
}

/** Leaves out the lines of a file that an error shows: they make no part of one line. */
function withoutSource(text) {
  const isSource = (line) => /^\s*(?:\d+ )?\|/.test(line);
  return text
    .split("\n")
    .filter((line) => !isSource(line))
    .join("\n");
}
