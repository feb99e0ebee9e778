//! Holds the code to `ARCHITECTURE.md`: which crate and which folder may use which other, and which
//! files may form a cycle.

mod cycles;
mod document;
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use self::cycles::cycles;
use self::document::Document;
use self::imports::Imports;
use crate::workspace;

/// The crate whose folders are layers.
const LAYERED: &str = "owt-server/src";

/// Compares the code with the document.
///
/// # Errors
/// Names each arrow and each cycle that the document does not allow, and each cycle that it lists in
/// vain.
pub(crate) fn check(sh: &Shell) -> Result<()> {
    let document = Document::parse(&sh.read_file(workspace::root().join("ARCHITECTURE.md"))?);
    let imports = Imports::read(&workspace::root().join(LAYERED))?;
    let mut faults = forbidden(&document.crates, &crate_arrows(sh)?);
    faults.extend(forbidden(&document.folders, &folder_arrows(&imports)));
    faults.extend(changed_cycles(&document.cycles, &cycles(&imports.edges)));
    ensure!(faults.is_empty(), "ARCHITECTURE.md and the code differ:\n{}", faults.join("\n"));
    Ok(())
}

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Arrows that are drawn and not allowed.
fn forbidden(allowed: &Arrows, drawn: &Arrows) -> Vec<String> {
    let none = BTreeSet::new();
    let beyond = |(from, targets): (&String, &BTreeSet<String>)| {
        let allowed = allowed.get(from).unwrap_or(&none);
        let beyond = targets.difference(allowed);
        beyond.map(|to| format!("- {from} uses {to}, and may not")).collect::<Vec<_>>()
    };
    drawn.iter().flat_map(beyond).collect()
}

fn changed_cycles(named: &BTreeSet<BTreeSet<PathBuf>>, found: &[BTreeSet<PathBuf>]) -> Vec<String> {
    let found: BTreeSet<_> = found.iter().cloned().collect();
    let describe = |cycle: &BTreeSet<PathBuf>| {
        cycle.iter().map(|file| format!("`{}`", file.display())).collect::<Vec<_>>().join(", ")
    };
    let unnamed =
        found.difference(named).map(|cycle| format!("- a new cycle: {}", describe(cycle)));
    let in_vain = named.difference(&found).map(|cycle| format!("- no cycle: {}", describe(cycle)));
    unnamed.chain(in_vain).collect()
}

/// The crates of the workspace, and which of them each one needs to be built.
fn crate_arrows(sh: &Shell) -> Result<Arrows> {
    let metadata = cmd!(sh, "cargo metadata --no-deps --format-version 1").quiet().read()?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let names: BTreeSet<&str> =
        packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let arrows = packages.iter().map(|package| {
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        let built = dependencies.iter().filter(|needed| needed["kind"] != "dev");
        let own = built.filter_map(|needed| needed["name"].as_str());
        let own = own.filter(|name| names.contains(name)).map(str::to_owned).collect();
        (package["name"].as_str().unwrap_or_default().to_owned(), own)
    });
    Ok(arrows.filter(|(_, own): &(String, BTreeSet<String>)| !own.is_empty()).collect())
}

/// The folders of the layered crate, and which others each one uses. A file beside them counts as a
/// folder of its own.
fn folder_arrows(imports: &Imports) -> Arrows {
    let mut arrows = Arrows::new();
    for (from, targets) in &imports.edges {
        let (from, targets) = (folder(from), targets.iter().map(|target| folder(target)));
        let others = targets.filter(|target| *target != from).collect::<BTreeSet<_>>();
        arrows.entry(from).or_default().extend(others);
    }
    // The root only says what there is.
    arrows.remove("lib");
    arrows
}

fn folder(file: &Path) -> String {
    let first = file.iter().next().unwrap_or_default();
    Path::new(first).with_extension("").display().to_string()
}
