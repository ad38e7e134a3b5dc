export { Offers } from "./offers.js";
export { Worker, type WorkerOptions } from "./worker.js";
