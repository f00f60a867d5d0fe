export { type PreflightResult, type PreflightStep, preflight, renderPreflight } from "./preflight";
