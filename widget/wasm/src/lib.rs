//! What ships: starts the preference centre of `consentry-widget` in a browser, and brings the allocator.
//!
//! Deliberately absent: everything else. What is tested lives in `consentry-widget`; a crate that is shipped and linked
//! by others at once would lose its link-time optimisation.

use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Listens for the loader. Run by the glue's init function.
#[wasm_bindgen(start)]
pub fn start() {
    consentry_widget::listen();
}
