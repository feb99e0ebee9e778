//! Run: cargo run --package owt-client --features blocking --example hello -- http://localhost:9876
//!
//! With the crate `owt-client`.

#![expect(clippy::print_stdout, reason = "it is a program for a shell")]

use std::collections::BTreeMap;
use std::env;
use std::error::Error;

use owt_client::Adaptor;
use owt_client::blocking::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or("http://localhost:9876".into());
    let adaptor = Adaptor::from_file("examples/languages/hello.py")?;
    let kwargs = BTreeMap::from([("name", "Rust")]);
    let reply = Client::new(&url)?.call(adaptor).path("hello").kwargs(&kwargs).send()?;
    println!("{}", reply.error_for_status()?.text()?);
    Ok(())
}
