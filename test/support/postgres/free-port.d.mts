/** A TCP port of the loopback interface that nothing listens on at this moment. */
export function freePort(): Promise<number>;
