export { openTcpGate, type TcpGate } from "../../conformance/surroundings/tcp-gate.js";
