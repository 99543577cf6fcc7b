//! The browser's entry point: hydrates the islands of [`app`], and nothing else.

// Without this the linker sees no use of the crate and leaves the islands out of the wasm.
#[expect(unused_imports, reason = "links the islands of app into the wasm")]
use app::*;

/// Called by the page's script once the wasm is there.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
