/** Whom the server runs as, where that is not who runs the tests. */
export function serverUser(): Promise<{ readonly uid?: number; readonly gid?: number }>;
