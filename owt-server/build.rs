//! Links against the Python that pyo3 found, wherever its library lies, and makes the Python package
//! `owt` ready to be carried in the binary.

use std::error::Error;
use std::path::Path;
use std::process::Command;

/// Copies the package to a folder and compiles it there, so that workers need not when they start.
/// The compiled files are taken unchecked (PEP 552): whoever writes them writes the sources, too.
const COMPILE: &str = "
import compileall, pathlib, py_compile, shutil, sys
source, target = map(pathlib.Path, sys.argv[1:])
shutil.rmtree(target, ignore_errors=True)
shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
sys.exit(not compileall.compile_dir(target, quiet=1, invalidation_mode=mode))
";

fn main() -> Result<(), Box<dyn Error>> {
    let config = pyo3_build_config::get();
    let python = config.executable().unwrap_or("python3");
    // No LD_LIBRARY_PATH is needed to run what is linked so.
    pyo3_build_config::add_libpython_rpath_link_args();
    if let Some(dir) = config.lib_dir() {
        // For the build script of owt-cli, which links the program: DEP_OWT_PYTHON_LIB_DIR.
        println!("cargo::metadata=LIB_DIR={dir}");
    }
    println!("cargo::rustc-env=OWT_PYTHON_MINOR={}", config.version().minor);
    record_base(python)?;
    compile_package(python)
}

fn compile_package(python: &str) -> Result<(), Box<dyn Error>> {
    const SOURCES: &str = "../summat/owt";
    println!("cargo::rerun-if-changed={SOURCES}");
    let target = Path::new(&std::env::var("OUT_DIR")?).join("owt");
    let command = ["-I", "-c", COMPILE];
    let status = Command::new(python).args(command).arg(SOURCES).arg(target).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{python} cannot compile {SOURCES}").into()),
    }
}

/// Records the interpreter that a virtualenv was made from, not the virtualenv's: the binary
/// outlives the virtualenv it was built in.
fn record_base(python: &str) -> Result<(), Box<dyn Error>> {
    const QUESTION: &str = "import sys; print(sys._base_executable); print(sys.base_prefix)";
    let output = Command::new(python).args(["-I", "-c", QUESTION]).output()?;
    let answer = String::from_utf8(output.stdout)?;
    let mut lines = answer.lines();
    let mut next = || lines.next().ok_or_else(|| format!("{python} does not say where it is"));
    println!("cargo::rustc-env=OWT_BUILD_PYTHON={}", next()?);
    println!("cargo::rustc-env=OWT_BUILD_PREFIX={}", next()?);
    Ok(())
}
