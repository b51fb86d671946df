/** The version in package.json, which a test compares: a copy, so that nothing has to be read from disk. @internal */
export const VERSION = '0.1.0';
