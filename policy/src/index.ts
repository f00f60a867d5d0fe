import { PolicyPack } from "@pulumi/policy";
import { packContext } from "./pack-context";
import { policiesOf } from "./policies";

// Constructing the pack starts its server: nothing but the engine may load this file.
new PolicyPack("app-data", {
  displayName: "app-data",
  description:
    "No table without row level security, judged from the SQL, before commit and in the live database; AWS resources as its Foundational Security Best Practices demand.",
  policies: policiesOf(packContext(process.env)),
});
