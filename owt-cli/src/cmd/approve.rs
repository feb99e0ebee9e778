//! `owt approve`: adds an adaptor to the list of a server that runs approved code only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use owt_core::{Digest, FileName};
use owt_server::ApprovedCode;

use crate::input::{Input, cannot_read};
use crate::ui::{self, CliError, ExitKind};

const EXAMPLES: &str = "\
Examples:
  owt approve words.py --to approved
  owt serve --only-digests approved            a server that runs nothing else";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ApproveArgs {
    /// The adaptor; - is standard input
    file: String,

    /// The list, a file that is made if it is not there
    #[arg(long, value_name = "FILE", env = "OWT_ONLY_DIGESTS")]
    to: PathBuf,

    /// The function that may be called
    #[arg(long, value_name = "NAME", default_value = owt_core::envelope::DEFAULT_FN_NAME)]
    #[arg(value_parser = function)]
    fn_name: String,
}

pub(crate) fn run(args: &ApproveArgs) -> Result<ExitCode, CliError> {
    let source = Input::default().text(&args.file).map_err(|err| cannot_read(&args.file, &err))?;
    let digest = Digest::of(&source);
    let list = read(&args.to)?;
    let path = args.to.display();
    let approved = ApprovedCode::parse(&list).map_err(|problem| {
        CliError::new(ExitKind::File, format!("cannot use {path}: {problem}"))
    })?;
    if approved.has(digest, &args.fn_name) {
        return ui::print(&format!("{digest} was approved before, in {path}"));
    }
    let line_break = if list.is_empty() || list.ends_with('\n') { "" } else { "\n" };
    let line = line(digest, &args.fn_name, FileName::new(&args.file).as_ref());
    append(&args.to, &format!("{line_break}{line}\n"))
        .map_err(|err| CliError::new(ExitKind::File, format!("cannot write {path}: {err}")))?;
    ui::print(&format!("{digest} is approved, in {path}"))
}

fn read(path: &Path) -> Result<String, CliError> {
    match fs::read_to_string(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|err| cannot_read(&path.to_string_lossy(), &err)),
    }
}

/// In one write, so that a server never reads a part of it.
fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

fn line(digest: Digest, function: &str, name: Option<&FileName>) -> String {
    match name {
        Some(name) => format!("{digest} {function}  # {name}"),
        None => format!("{digest} {function}"),
    }
}

fn function(text: &str) -> Result<String, String> {
    match text.is_empty() || text.contains(|char: char| char.is_whitespace() || char == '#') {
        true => Err("give the name of a function".to_owned()),
        false => Ok(text.to_owned()),
    }
}
