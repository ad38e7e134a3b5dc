export { deliver, type Deliverable, type Outlet } from "./deliver.js";
export type { Codec } from "./envelope.js";
