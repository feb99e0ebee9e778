//! A worker process: CPython, and the threads that run calls in it.
//!
//! The front starts this same program with a hidden subcommand. Standard input is the control
//! socket; the sockets for calls come over it with the settings.

mod agenda;
mod border;
mod call;
mod cancellation;
mod control;
mod engine;
mod link;
mod monitor;
mod python;
mod queue;
mod reader;
mod upload;
mod work;

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::wire::{Ready, Settings};
use engine::{Engine, Hooks};
use link::Link;

/// Runs a worker until its front has gone or tells it to stop. Never called by a person.
pub fn run() -> ExitCode {
    crate::log::init_worker();
    abort_on_panic();
    let control = match control::Control::open() {
        Ok(control) => control,
        Err(err) => {
            tracing::error!("owt worker is started by owt serve, not by hand: {err}");
            return ExitCode::from(2);
        }
    };
    let (control, settings, sockets) = match control.receive_settings() {
        Ok(received) => received,
        Err(err) => {
            tracing::error!("a worker got no settings from its front: {err}");
            return ExitCode::FAILURE;
        }
    };
    let ready = match start(&settings, sockets, control.as_raw_fd()) {
        Ok(()) => Ready::Yes,
        Err(why) => Ready::No(why),
    };
    control.serve(&ready, &settings)
}

/// A thread that panics may take the lead with it, and a worker that nobody leads hears nothing: it
/// ends, and another takes its place.
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::abort();
    }));
}

fn start(settings: &Settings, sockets: Vec<OwnedFd>, control: i32) -> Result<(), String> {
    python::start(&settings.python, settings.home.as_deref()).map_err(|err| err.to_string())?;
    if sockets.len() != settings.connections {
        return Err(format!("{} of {} sockets arrived", sockets.len(), settings.connections));
    }
    let links: Vec<_> =
        (0..).zip(sockets).map(|(index, socket)| Arc::new(Link::new(index, socket))).collect();
    let fds = links.iter().map(|link| link.socket().as_raw_fd()).chain([control]).collect();
    let hooks = Python::attach(|py| hooks(py, settings, fds)).map_err(|err| err.to_string())?;
    Engine::new(links, hooks, settings.threads).start();
    Ok(())
}

/// Starts the Python side, and finds the functions of it that are called from here.
fn hooks(py: Python<'_>, settings: &Settings, fds: Vec<i32>) -> PyResult<Hooks> {
    let worker = python::import_owt(py, &settings.package, &settings.start_directory)?;
    let json = py.import("json")?;
    let values = json.call_method1("loads", (&settings.args,))?.cast_into::<PyDict>()?;
    let given = PyDict::new(py);
    given.set_item("address", &settings.address)?;
    given.set_item("port", settings.port)?;
    given.set_item("version", env!("CARGO_PKG_VERSION"))?;
    given.set_item("exe", &settings.exe)?;
    given.set_item("max_adaptors", settings.max_adaptors)?;
    given.set_item("no_eval", settings.no_eval)?;
    given.set_item("log_tracebacks", settings.log_tracebacks)?;
    given.set_item("adaptors_dir", &settings.adaptors_dir)?;
    given.set_item("args", values)?;
    given.set_item("fds", fds)?;
    worker.call_method1("start", (given,))?;
    Ok(Hooks {
        handle: worker.getattr("handle")?.unbind(),
        forget: worker.getattr("forget")?.unbind(),
        cancel: worker.getattr("cancel")?.unbind(),
        is_deferred: worker.getattr("is_deferred")?.unbind(),
        blocked_loop: worker.getattr("blocked_loop")?.unbind(),
        wake: worker.getattr("wake")?.unbind(),
        interrupted: worker.getattr("Interrupted")?.unbind(),
        adaptors: worker.getattr("adaptors")?.unbind(),
        to_json: json.getattr("dumps")?.unbind(),
    })
}
