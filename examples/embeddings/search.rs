//! Run: cargo run --package owt-client --features blocking --example search -- 'bad news for banks' http://localhost:9876
//!
//! Searches sentences.json by meaning.

#![expect(clippy::print_stdout, reason = "it is a program for a shell")]

use std::env;
use std::error::Error;

use owt_client::Adaptor;
use owt_client::blocking::Client;
use serde::{Deserialize, Serialize};

const ADAPTOR: &str = include_str!("search.py");
const SENTENCES: &str = include_str!("sentences.json");

#[derive(Serialize)]
struct Kwargs {
    query: String,
    texts: Vec<String>,
}

#[derive(Deserialize)]
struct Found {
    text: String,
    score: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let query = arguments.next().unwrap_or("a person eats a meal".into());
    let url = arguments.next().unwrap_or("http://localhost:9876".into());

    let client = Client::new(&url)?;
    let kwargs = Kwargs { query, texts: serde_json::from_str(SENTENCES)? };
    let reply = client.call(Adaptor::from_source(ADAPTOR)).kwargs(&kwargs).send()?;
    for Found { text, score } in reply.error_for_status()?.json::<Vec<Found>>()? {
        println!("{score:.2} {text}");
    }
    Ok(())
}
