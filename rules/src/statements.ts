export * from "./sql/statements";
