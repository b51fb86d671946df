/** Built by Vite from `ui/`. As deep in `lib/` as the published modules are in the package, so that the path holds in both. */
export const PAGE_FOLDER = new URL('../../dist/page/', import.meta.url);
