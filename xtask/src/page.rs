//! `cargo xtask page`: the page that the server shows to browsers, from TypeScript to the two files that it
//! carries.
//!
//! The first line of the page says from which sources it was built. That is compared, so that a check needs
//! no Node.

use anyhow::{Result, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};
use crate::sources;

/// The folder of the page's sources.
pub(crate) const FOLDER: &str = "owt-page";

/// What the server carries.
const SERVED: &str = "owt-server/src/front/page/page.html";
const SERVED_FRAME: &str = "owt-server/src/front/page/frame.html";

/// What it is built from.
const SOURCES: &[&str] = &[
    "owt-page/build.mjs",
    "owt-page/frame.html",
    "owt-page/package-lock.json",
    "owt-page/page.css",
    "owt-page/page.html",
    "owt-page/ts",
    "owt-server/src/front/client.js",
];

#[derive(Args)]
pub(crate) struct Options {
    /// Only check that the files that the server carries are up to date; build nothing
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    if options.check {
        return check(sh);
    }
    setup::ensure(sh, &[&[Need::Node, Need::Npm(FOLDER)]], setup::Options::INSTALL)?;
    {
        let _inside = sh.push_dir(FOLDER);
        cmd!(sh, "npm run --silent build").run()?;
    }
    let page = sh.read_file("owt-page/dist/page.html")?;
    sh.write_file(SERVED, format!("{}\n{page}", first_line(sh)?))?;
    sh.copy_file("owt-page/dist/frame.html", SERVED_FRAME)?;
    Ok(())
}

/// Checks that the server's copy was built from the sources as they are.
fn check(sh: &Shell) -> Result<()> {
    let served = sh.read_file(SERVED).unwrap_or_default();
    ensure!(
        served.lines().next() == Some(&first_line(sh)?),
        "{SERVED} is out of date\n\nhint: cargo xtask page"
    );
    Ok(())
}

fn first_line(sh: &Shell) -> Result<String> {
    let digest = sources::digest(sh, &sources::sums(sh, SOURCES)?)?;
    Ok(format!("<!-- owt-page, built by `cargo xtask page` from sources {digest} -->"))
}
