export * from "./model/schema";
