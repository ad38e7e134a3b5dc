/** What a link does to the bytes that want to pass. */
export type GateMode =
  /** They pass, slowed down if the link is shaped. */
  | "open"
  /** They wait. A connection that is made now is accepted, and reaches nobody until the link is released. */
  | "held"
  /** There are no connections: those there were got a reset, and so does whoever makes one. */
  | "severed"
  /** They are accepted and gone, and so is the word that a side has closed. */
  | "black hole";

/** How fast an open link is. */
export interface GateShape {
  /** Of each connection, in each direction. */
  readonly bytesPerSecond?: number | undefined;
  /** How long each byte takes, beside that. */
  readonly delayMs?: number | undefined;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}
