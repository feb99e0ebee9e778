//! What has no safe wrapper in pyo3: raising exceptions in other threads, and the ids of threads. All
//! of it is in the stable ABI of Python 3.11.
#![allow(unsafe_code)]

use std::ffi::c_ulong;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyList};

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

/// Starts a thread of Python's own, which `threading` knows and which has the stack that it expects.
pub(crate) fn start_thread(
    py: Python<'_>,
    name: &str,
    run: impl Fn(Python<'_>) + Send + Sync + 'static,
) -> PyResult<()> {
    let target = PyCFunction::new_closure(py, None, None, move |args, _| run(args.py()))?;
    let options = PyDict::new(py);
    options.set_item("target", target)?;
    options.set_item("name", name)?;
    let thread = py.import("threading")?.getattr("Thread")?.call((), Some(&options))?;
    thread.call_method0("start").map(drop)
}

/// Imports `owt` from the folder `package`, even if there is another package of that name. The start
/// directory is first on `sys.path`, as of `python -c`.
pub(crate) fn import_owt<'py>(
    py: Python<'py>,
    package: &str,
    start: &str,
) -> PyResult<Bound<'py, PyModule>> {
    let sys = py.import("sys")?;
    let path = sys.getattr("path")?.cast_into::<PyList>()?;
    path.insert(0, package)?;
    // The package's directory is ours: there, bytecode is wanted even if not elsewhere.
    let writes_none = sys.getattr("dont_write_bytecode")?;
    sys.setattr("dont_write_bytecode", false)?;
    let worker = py.import("owt._worker");
    sys.setattr("dont_write_bytecode", writes_none)?;
    path.del_item(0)?;
    let worker = worker?;
    // Not there with -P and PYTHONSAFEPATH. As an absolute path, it stays what it is after a chdir.
    if path.get_item(0).is_ok_and(|first| first.eq("").unwrap_or(false)) {
        path.set_item(0, start)?;
    }
    path.append(package)?;
    Ok(worker)
}
