//! Starts CPython in this process as `python` itself would: with the active virtualenv, `PYTHONPATH`
//! and start directory. Raises exceptions in other threads.
//!
//! The only unsafe code of owt: pyo3 has no safe wrapper for PyConfig (PEP 587), nor for
//! `PyThreadState_SetAsyncExc`.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_ulong};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::addr_of_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// Why Python did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the path {0:?} holds a NUL byte")]
    Path(std::path::PathBuf),
    #[error("{0}")]
    Python(String),
}

/// Starts the interpreter as if `executable` had been run, and releases the GIL. The standard library
/// is that of `home`, if given, as with `PYTHONHOME`.
pub(crate) fn start(executable: &Path, home: Option<&Path>) -> Result<(), StartError> {
    let executable = c_string(executable)?;
    let home = home.map(c_string).transpose()?;
    let mut config = MaybeUninit::<ffi::PyConfig>::uninit();
    // SAFETY: InitPythonConfig fills the whole struct, whatever was in it.
    let mut config = unsafe {
        ffi::PyConfig_InitPythonConfig(config.as_mut_ptr());
        config.assume_init()
    };
    let outcome = initialise(&mut config, &executable, home.as_deref());
    // SAFETY: the config was initialised above and is not used again.
    unsafe { ffi::PyConfig_Clear(&raw mut config) };
    outcome?;
    // SAFETY: initialisation left this thread attached, and nothing of Python's is held here; when
    // this thread attaches again, Python finds the same state by the thread.
    unsafe { ffi::PyEval_SaveThread() };
    Ok(())
}

fn initialise(
    config: &mut ffi::PyConfig,
    executable: &CStr,
    home: Option<&CStr>,
) -> Result<(), StartError> {
    config.parse_argv = 0;
    // Signals are the front's: a worker is stopped through its control socket.
    config.install_signal_handlers = 0;
    // From the program's name Python finds pyvenv.cfg, prefix and site-packages (getpath.py).
    let fields = [
        (addr_of_mut!(config.program_name), Some(executable)),
        (addr_of_mut!(config.executable), Some(executable)),
        (addr_of_mut!(config.home), home),
    ];
    for (field, value) in fields {
        let Some(value) = value else { continue };
        // SAFETY: the field belongs to the initialised config, the string ends in NUL.
        check(unsafe { ffi::PyConfig_SetBytesString(config, field, value.as_ptr()) })?;
    }
    // SAFETY: the config is initialised, and no interpreter runs in this process yet.
    check(unsafe { ffi::Py_InitializeFromConfig(config) })
}

fn check(status: ffi::PyStatus) -> Result<(), StartError> {
    // SAFETY: a status is plain data; its message, where there is one, is a static string.
    let (is_exception, message) = unsafe {
        let message = (!status.err_msg.is_null()).then(|| CStr::from_ptr(status.err_msg));
        (ffi::PyStatus_Exception(status) != 0, message)
    };
    match is_exception {
        false => Ok(()),
        true => {
            let message = message.map(CStr::to_string_lossy).unwrap_or_default();
            Err(StartError::Python(message.into_owned()))
        }
    }
}

/// The id that Python has for the calling thread.
pub(crate) fn thread_id() -> c_ulong {
    // SAFETY: this asks the system for the thread's id, and needs no interpreter.
    unsafe { ffi::PyThread_get_thread_ident() }
}

/// Makes a thread raise `exception` when it next executes Python.
pub(crate) fn raise_in(_py: Python<'_>, thread: c_ulong, exception: &Py<PyAny>) {
    set_exception(thread, exception.as_ptr());
}

/// Clears an exception that [`raise_in`] has set; `false` if the thread has raised it already.
pub(crate) fn clear_pending(py: Python<'_>, thread: c_ulong, exception: &Py<PyAny>) -> bool {
    // The thread state held a reference. Nobody else changes the count while the GIL is held.
    let before = references(py, exception);
    set_exception(thread, std::ptr::null_mut());
    references(py, exception) < before
}

/// Whether a thread has not executed Python since [`raise_in`]: it is blocked without the GIL.
pub(crate) fn is_pending(py: Python<'_>, thread: c_ulong, exception: &Py<PyAny>) -> bool {
    let is_pending = clear_pending(py, thread, exception);
    if is_pending {
        raise_in(py, thread, exception);
    }
    is_pending
}

fn references(_py: Python<'_>, object: &Py<PyAny>) -> isize {
    // SAFETY: the GIL is held, and the object is alive.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

fn set_exception(thread: c_ulong, exception: *mut ffi::PyObject) {
    // SAFETY: callers hold the GIL; the call takes a reference of its own, and a thread that has
    // ended is not found.
    unsafe { ffi::PyThreadState_SetAsyncExc(thread.cast_signed(), exception) };
}

fn c_string(path: &Path) -> Result<CString, StartError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| StartError::Path(path.to_path_buf()))
}

/// Imports `owt` from the folder `package`, even if there is another package of that name. Puts the
/// start directory first on `sys.path`, as `python -c` does.
pub(crate) fn import_owt<'py>(
    py: Python<'py>,
    package: &str,
    start: &str,
) -> PyResult<Bound<'py, PyModule>> {
    let sys = py.import("sys")?;
    let path = sys.getattr("path")?.cast_into::<PyList>()?;
    path.insert(0, package)?;
    let worker = py.import("owt._worker")?;
    path.del_item(0)?;
    if !sys
        .getattr("flags")?
        .getattr("safe_path")
        .is_ok_and(|flag| flag.is_truthy().unwrap_or(false))
    {
        path.insert(0, start)?;
    }
    path.append(package)?;
    Ok(worker)
}
