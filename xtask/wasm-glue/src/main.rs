//! Writes the JavaScript that goes with a compiled WebAssembly module: `wasm-glue MODULE FOLDER`.
//!
//! It is a program of its own so that the other chores need not be linked with the libraries that
//! read WebAssembly. `Cargo.lock` has them in the version that the module was compiled with.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let module = arguments.next().context("the compiled module is not named")?;
    let folder = arguments.next().context("the folder to write to is not named")?;
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(true)
        .omit_default_module_path(true)
        .out_name("core")
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
}
