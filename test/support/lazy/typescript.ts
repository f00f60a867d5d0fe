import { loadedWhenUsed } from "./loaded-when-used";

module.exports = loadedWhenUsed(() => require("typescript") as object);
