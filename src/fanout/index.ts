export { deliver, type Deliverable, type EnvelopeOf, type Outlet } from "./deliver.js";
export { type Codec, envelopeOf } from "./envelope.js";
