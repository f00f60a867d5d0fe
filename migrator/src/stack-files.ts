// What a program needs of the migrations' files to declare them: it loads neither PostgreSQL's client nor its
// parser, which only who works on a database needs.
export { waiverFile } from "@app-data/rules/waiver-file";
export { certificateAuthorities } from "./database/certificate-authorities";
export { type Trio, readTrios } from "./files/trio";
export { canonicalVersion, isWanted } from "./files/version";
