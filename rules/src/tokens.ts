export * from "./sql/tokens";
