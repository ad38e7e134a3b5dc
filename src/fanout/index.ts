export { deliver, type Outlet } from "./deliver.js";
export type { Codec } from "./envelope.js";
