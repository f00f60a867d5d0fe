import { functionObject } from "../../model/names";
import type { DatabaseFunction } from "../../model/schema";
import { defineRule } from "../rule";

/** A function means the same for every caller. */
export const functionSearchPathRule = defineRule({
  name: "function-search-path",
  code: "POL120",
  description: "Every function runs with a search path of its own.",
  severity: "high",
  level: "mandatory",
  remediation: "Add `set search_path = ''` to the function and qualify the names in its body.",
  find: ({ functions }) =>
    functions.flatMap((item) => {
      const what = missing(item);
      if (what === undefined) return [];
      const named = functionObject(item);
      return {
        ...named,
        message: `${named.object} ${what}, so its caller chooses what its names mean; every function must pin it`,
        remediation: `Write \`alter ${named.object} set search_path = '';\`, or the same in \`create function\`.`,
      };
    }),
});

function missing({ searchPath, source, language }: DatabaseFunction): string | undefined {
  if (language === "c" || language === "internal") return undefined;
  // Names in a standard SQL body are looked up once, when it is made.
  if (language === "sql" && /^(begin\s+atomic|return)\b/i.test(source?.trim() ?? ""))
    return undefined;
  if (searchPath === null) return "has no search_path of its own";
  const schemas = searchPath.split(",").map((schema) => schema.trim().replaceAll('"', ""));
  if (schemas.includes("$user")) return 'has "$user" in its search_path';
  const temporary = schemas.indexOf("pg_temp");
  const isLast = temporary === schemas.length - 1;
  return temporary >= 0 && !isLast ? "looks for names among temporary objects first" : undefined;
}
