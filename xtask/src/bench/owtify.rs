//! What the JavaScript client takes to make the URL of a call, in Node.

use anyhow::Result;
use xshell::{Shell, cmd};

use super::figure::{Figure, Goal};

/// The client, as the server carries it.
const CLIENT: &str = "owt-server/src/front/client.js";

pub(super) fn measure(sh: &Shell, rounds: u16) -> Result<Vec<Figure>> {
    let folder = sh.create_temp_dir()?;
    // By its name, Node knows that it is a module.
    let module = folder.path().join("client.mjs");
    sh.copy_file(CLIENT, &module)?;
    let rounds = rounds.to_string();
    let printed = cmd!(sh, "node xtask/src/bench/owtify.mjs {module} {rounds}").quiet().read()?;
    let samples = printed.lines().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    Ok(vec![Figure::micros("owtify of 10 KB of code in Node", &samples, Goal::AtMost(50.0))])
}
