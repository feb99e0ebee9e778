//! The Python functions that a worker calls: those of `owt._worker`, and a few of the standard library.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::python;
use owt_common::wire::Settings;

pub(crate) struct Callbacks {
    /// Makes a context for a call.
    pub(super) new_context: Py<PyAny>,
    /// `Context.run`.
    pub(super) run_in_context: Py<PyAny>,
    pub(super) handle: Py<PyAny>,
    pub(super) forget: Py<PyAny>,
    pub(super) cancel: Py<PyAny>,
    /// Whether a thread must not be interrupted now.
    pub(super) is_deferred: Py<PyAny>,
    /// The thread of the event loop, if a call blocks the loop.
    pub(super) blocked_loop: Py<PyAny>,
    /// Ends what a thread waits for, where that is safe.
    pub(super) unblock: Py<PyAny>,
    /// The exception that interrupts a thread.
    pub(super) interrupted: Py<PyAny>,
    pub(super) adaptors: Py<PyAny>,
    /// Runs what needs the main thread, for ever.
    pub(super) run_main_thread: Py<PyAny>,
    /// Runs what adaptors registered with `atexit`.
    pub(super) run_exit_functions: Py<PyAny>,
    pub(super) to_json: Py<PyAny>,
}

impl Callbacks {
    /// Imports the Python side and starts it. `fds` are owt's own sockets, which it leaves alone.
    pub(super) fn start(py: Python<'_>, settings: &Settings, fds: Vec<i32>) -> PyResult<Self> {
        let worker = python::import_owt(py, &settings.package, &settings.start_directory)?;
        let json = py.import("json")?;
        let args = json.call_method1("loads", (&settings.args,))?.cast_into::<PyDict>()?;
        worker.call_method1("start", (python_settings(py, settings, &args, fds)?,))?;
        let new_context = py.import("contextvars")?.getattr("Context")?;
        Ok(Self {
            run_in_context: new_context.getattr("run")?.unbind(),
            new_context: new_context.unbind(),
            handle: worker.getattr("handle")?.unbind(),
            forget: worker.getattr("forget")?.unbind(),
            cancel: worker.getattr("cancel")?.unbind(),
            is_deferred: worker.getattr("is_deferred")?.unbind(),
            blocked_loop: worker.getattr("blocked_loop")?.unbind(),
            unblock: worker.getattr("unblock")?.unbind(),
            interrupted: worker.getattr("Interrupted")?.unbind(),
            adaptors: worker.getattr("adaptors")?.unbind(),
            run_main_thread: worker.getattr("run_main_thread")?.unbind(),
            run_exit_functions: worker.getattr("run_exit_functions")?.unbind(),
            to_json: json.getattr("dumps")?.unbind(),
        })
    }

    /// Runs what adaptors registered with `atexit`. The front waits for it only for a moment.
    pub(super) fn run_exit_functions(&self) {
        if let Err(err) = Python::attach(|py| self.run_exit_functions.call0(py)) {
            tracing::warn!("a function registered with atexit failed: {err}");
        }
    }
}

/// `owt._bindings.Settings`.
fn python_settings<'py>(
    py: Python<'py>,
    settings: &Settings,
    args: &Bound<'py, PyDict>,
    fds: Vec<i32>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("address", &settings.address)?;
    dict.set_item("port", settings.port)?;
    dict.set_item("version", env!("CARGO_PKG_VERSION"))?;
    dict.set_item("exe", &settings.exe)?;
    dict.set_item("max_adaptors", settings.max_adaptors)?;
    dict.set_item("no_eval", settings.no_eval)?;
    dict.set_item("log_tracebacks", settings.log_tracebacks)?;
    dict.set_item("adaptors_dir", &settings.adaptors_dir)?;
    dict.set_item("args", args)?;
    dict.set_item("fds", fds)?;
    Ok(dict)
}

/// An exception, and the line that raised it: a file that hides a module of Python's is found so.
pub(super) fn describe(py: Python<'_>, err: &PyErr) -> String {
    match raised_at(py, err) {
        // Python's own importer has no file.
        Ok((file, line)) if !file.starts_with('<') => format!("{err} ({file}, line {line})"),
        _ => err.to_string(),
    }
}

fn raised_at(py: Python<'_>, err: &PyErr) -> PyResult<(String, usize)> {
    let mut last = err.traceback(py).ok_or_else(|| err.clone_ref(py))?.into_any();
    loop {
        let next = last.getattr("tb_next")?;
        if next.is_none() {
            break;
        }
        last = next;
    }
    let file = last.getattr("tb_frame")?.getattr("f_code")?.getattr("co_filename")?;
    Ok((file.extract()?, last.getattr("tb_lineno")?.extract()?))
}
