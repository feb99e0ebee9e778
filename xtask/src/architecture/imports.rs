//! Which file of a crate uses which other file of it, by the paths in its code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// A module, from the crate's root: `["pool", "supervisor"]`. The root itself is empty.
type Module = Vec<String>;

/// The files of a crate, and what each of them uses.
pub(super) struct Imports {
    /// From a file to those that it uses, all relative to the crate's `src`.
    pub(super) edges: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
}

impl Imports {
    /// Reads all files below `src`.
    ///
    /// # Errors
    /// When a file cannot be read, or is no Rust.
    pub(super) fn read(src: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in rust_files(src)? {
            let code = fs::read_to_string(&path)?;
            let code = syn::parse_file(&code).with_context(|| path.display().to_string())?;
            let path = path.strip_prefix(src)?.to_owned();
            files.insert(module_of(&path), File::new(path, &code));
        }
        Ok(Self { edges: edges(&files) })
    }
}

/// One file, as far as others are concerned.
struct File {
    path: PathBuf,
    /// Paths that its code names, without those of its tests and of its re-exports.
    paths: Vec<Vec<String>>,
    /// What it hands on: a name, and the path that it stands for.
    reexports: BTreeMap<String, Vec<String>>,
}

impl File {
    fn new(path: PathBuf, code: &syn::File) -> Self {
        let mut reader = Reader::default();
        reader.visit_file(code);
        Self { path, paths: reader.paths, reexports: reader.reexports }
    }
}

#[derive(Default)]
struct Reader {
    paths: Vec<Vec<String>>,
    reexports: BTreeMap<String, Vec<String>>,
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_left_out(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut leaves = Vec::new();
        collect(&item.tree, &mut Vec::new(), &mut leaves);
        for (name, path) in leaves {
            match item.vis {
                Visibility::Inherited => self.paths.push(path),
                _ => drop(self.reexports.insert(name, path)),
            }
        }
    }

    /// `pub(super)` names a module, but uses nothing of it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// The names that a `use` brings, each with its whole path.
fn collect(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<(String, Vec<String>)>) {
    let mut leaf = |path: Vec<String>, name: &syn::Ident| leaves.push((name.to_string(), path));
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, before, leaves)),
        UseTree::Name(name) if name.ident == "self" => {
            let last = before.last().cloned().unwrap_or_default();
            leaves.push((last, before.clone()));
        }
        UseTree::Name(name) => leaf(with(before, &name.ident), &name.ident),
        UseTree::Rename(rename) => leaf(with(before, &rename.ident), &rename.rename),
        UseTree::Glob(_) => leaves.push(("*".to_owned(), before.clone())),
    }
}

fn with(before: &[String], ident: &syn::Ident) -> Vec<String> {
    before.iter().cloned().chain([ident.to_string()]).collect()
}

/// Whether an item is for tests alone, or for other systems than Linux.
fn is_left_out(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Meta>()
                .is_ok_and(|cfg| cfg.path().is_ident("test") || cfg.path().is_ident("not"))
    })
}

fn edges(files: &BTreeMap<Module, File>) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let used = |(module, file): (&Module, &File)| {
        let targets = file.paths.iter().filter_map(|path| target(files, module, path));
        let others = targets.filter(|target| *target != file.path);
        (file.path.clone(), others.collect())
    };
    files.iter().map(used).collect()
}

/// The file that a path leads to, if that is one of this crate.
fn target(files: &BTreeMap<Module, File>, module: &Module, path: &[String]) -> Option<PathBuf> {
    let path = absolute(files, module, path)?;
    let depth = (0..=path.len()).rev().find(|depth| files.contains_key(&path[..*depth]))?;
    let file = &files[&path[..depth]];
    // What a file only hands on is where it comes from.
    let handed_on = path.get(depth).and_then(|name| file.reexports.get(name));
    handed_on
        .filter(|_| path[..depth] != **module)
        .and_then(|origin| target(files, &path[..depth].to_vec(), origin))
        .or_else(|| Some(file.path.clone()))
}

/// A path from the crate's root; `None` for what comes from elsewhere.
fn absolute(files: &BTreeMap<Module, File>, module: &Module, path: &[String]) -> Option<Module> {
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    let (base, rest) = match path.first()?.as_str() {
        "crate" => (&module[..0], &path[1..]),
        "self" => (&module[..], &path[1..]),
        "super" => (&module[..module.len().checked_sub(supers)?], &path[supers..]),
        child => {
            let is_child = files.contains_key(&[module.as_slice(), &[child.to_owned()]].concat());
            (is_child.then_some(&module[..])?, path)
        }
    };
    Some([base, rest].concat())
}

/// `pool/supervisor.rs` is `pool::supervisor`, `pool/mod.rs` is `pool`, and `lib.rs` is the root.
fn module_of(path: &Path) -> Module {
    let mut module: Module =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    module
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that each file uses, in a crate of these files.
    fn uses(crate_files: &[(&str, &str)]) -> Vec<String> {
        let files = crate_files.iter().map(|(path, code)| {
            let path = PathBuf::from(path);
            (module_of(&path), File::new(path, &syn::parse_file(code).unwrap()))
        });
        let edges = edges(&files.collect());
        let pairs =
            edges.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)));
        pairs.map(|(from, to)| format!("{} -> {}", from.display(), to.display())).collect()
    }

    #[test]
    fn all_ways_to_name_another_file_are_seen() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c; mod d; fn f() { c::f(); std::mem::drop(1) }"),
            ("a/c.rs", "use super::d::{self, X as Y}; use crate::b::*;"),
            ("a/d.rs", "pub(super) struct X; fn f() -> crate::b::T { todo!() }"),
            ("b.rs", "pub struct T;"),
        ];
        let expected =
            ["a/c.rs -> a/d.rs", "a/c.rs -> b.rs", "a/d.rs -> b.rs", "a/mod.rs -> a/c.rs"];
        assert_eq!(uses(&files), expected);
    }

    #[test]
    fn a_name_that_is_handed_on_is_used_where_it_is_defined() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c; pub(crate) use c::X;"),
            ("a/c.rs", "pub struct X;"),
            ("b.rs", "use crate::a::X;"),
        ];
        assert_eq!(uses(&files), ["b.rs -> a/c.rs"]);
    }

    #[test]
    fn of_two_systems_the_first_one_counts() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "#[cfg(linux)] mod c; #[cfg(not(linux))] mod d;
                 #[cfg(linux)] pub use c::X; #[cfg(not(linux))] pub use d::X;",
            ),
            ("a/c.rs", "pub struct X;"),
            ("a/d.rs", "pub struct X;"),
            ("b.rs", "use crate::a::X;"),
        ];
        assert_eq!(uses(&files), ["b.rs -> a/c.rs"]);
    }

    #[test]
    fn what_only_tests_use_does_not_count() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "#[cfg(test)] mod tests { use crate::b::X; } #[cfg(test)] use crate::b::Y;"),
            ("b.rs", ""),
        ];
        assert_eq!(uses(&files), Vec::<String>::new());
    }
}
