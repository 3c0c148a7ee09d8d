/** True in the development page only. */
declare const DEV: boolean;
/** Folder of the test vectors shared with the Rust side; tests only. */
declare const VECTORS: string;
/** Folder of the page's own sources; tests only. */
declare const SOURCES: string;
