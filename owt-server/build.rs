//! Collects what workers need, so that the program carries it: the Python package `owt`, and the
//! extension module, which a nested cargo builds. No Python is needed for that.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// The Python package.
const PACKAGE: &str = "../summat/owt";

/// The extension module, and all that it is built from.
const WORKER: &str = "worker/Cargo.toml";
const WORKER_SOURCES: [&str; 6] = [
    "worker",
    "common",
    "../owt-core/src",
    "../owt-core/Cargo.toml",
    "../Cargo.toml",
    "../Cargo.lock",
];

/// How CPython names a module of the stable ABI (PEP 384).
const MODULE: &str = "_owt_native.abi3.so";

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let package = out.join("package");
    let _ = fs::remove_dir_all(&package);
    println!("cargo::rerun-if-changed={PACKAGE}");
    copy(Path::new(PACKAGE), &package.join("owt"))?;
    for source in WORKER_SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    fs::copy(build_worker(&worker_target(&out))?, package.join(MODULE))?;
    println!("cargo::rustc-env=OWT_PACKAGE_HASH={}", hash(&package)?);
    Ok(())
}

/// Copies sources, without what tools have left between them.
fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (from, name) = {
            let entry = entry?;
            (entry.path(), entry.file_name())
        };
        if from.is_dir() && name != "__pycache__" {
            copy(&from, &to.join(name))?;
        } else if from.is_file() {
            fs::copy(&from, to.join(name))?;
        }
    }
    Ok(())
}

/// The target folder of the extension module: one of its own, because cargo holds the lock of the other
/// one meanwhile, and the same for all builds of a profile, so that `cargo clippy` and `cargo test` find
/// what `cargo build` has made.
fn worker_target(out: &Path) -> PathBuf {
    // <target>/<profile>/build/<package>-<hash>/out
    match out.ancestors().nth(3) {
        Some(profile)
            if out.parent().and_then(Path::parent).is_some_and(|it| it.ends_with("build")) =>
        {
            profile.join("owt-worker")
        }
        _ => out.join("worker"),
    }
}

/// Builds the extension module.
fn build_worker(target: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let triple = env::var("TARGET")?;
    let profile = if env::var("PROFILE")? == "release" { "release" } else { "dev" };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    for (name, _) in env::vars_os().filter(|(name, _)| belongs_to_this_build(name)) {
        cargo.env_remove(name);
    }
    let status = cargo
        .args(["build", "--quiet", "--manifest-path", WORKER, "--target", &triple])
        .args(["--profile", profile])
        .args(["--config", "profile.dev.debug=0"])
        .arg("--target-dir")
        .arg(target)
        // Symbols of Python are found in the interpreter that loads it.
        .env("PYO3_BUILD_EXTENSION_MODULE", "1")
        .env("PYO3_NO_PYTHON", "1")
        .status()?;
    if !status.success() {
        return Err(format!("the extension module of workers cannot be built ({status})").into());
    }
    let folder = if profile == "dev" { "debug" } else { "release" };
    let is_apple = env::var("CARGO_CFG_TARGET_VENDOR")? == "apple";
    let name = if is_apple { "libowt_worker.dylib" } else { "libowt_worker.so" };
    Ok(target.join(triple).join(folder).join(name))
}

/// Whether cargo has set a variable for this script or this build: for another one, it is wrong. What
/// a user has set, such as a linker or an option of the profile, is for both.
fn belongs_to_this_build(name: &OsStr) -> bool {
    const OF_CARGO: [&str; 5] =
        ["CARGO_BIN_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_MANIFEST_", "CARGO_PKG_"];
    const OF_THIS_BUILD: [&str; 5] =
        ["PROFILE", "RUSTC", "RUSTC_WORKSPACE_WRAPPER", "RUSTDOC", "TARGET"];
    let name = name.to_string_lossy();
    OF_CARGO.iter().any(|prefix| name.starts_with(prefix))
        || name.starts_with("CLIPPY_")
        || OF_THIS_BUILD.contains(&&*name)
}

/// SHA-256 over all files, as the name of the folder to which they are written.
fn hash(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut hash = Sha256::new();
    add(folder, folder, &mut hash)?;
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn add(root: &Path, folder: &Path, hash: &mut Sha256) -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add(root, &path, hash)?;
            continue;
        }
        let content = fs::read(&path)?;
        hash.update(path.strip_prefix(root)?.to_string_lossy().as_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    Ok(())
}
