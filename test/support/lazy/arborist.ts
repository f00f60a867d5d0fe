import { loadedWhenUsed } from "./loaded-when-used";

// By its file: its name leads here.
module.exports = loadedWhenUsed(() => require("@npmcli/arborist/lib/index.js") as object);
